# An echo server for any number of connections, in one process: usage: perl echo-server.pl ADDRESS PORT
# It reads no more than it gets rid of, and ends a connection when the other side has ended its half and has all back.
use strict;
use IO::Select;
use IO::Socket::IP;
$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::IP->new(LocalHost => $ARGV[0], LocalPort => $ARGV[1], Listen => 1024, ReuseAddr => 1) or die "listen: $@";
my ($reads, $writes) = (IO::Select->new($server), IO::Select->new);
my (%held, %ended);
$| = 1;
print "listening\n";
sub gone { my ($socket) = @_; $reads->remove($socket); $writes->remove($socket); delete $held{$socket}; delete $ended{$socket}; close $socket }
while (my ($readable, $writable) = IO::Select->select($reads, $writes, undef)) {
  for my $socket (@$readable) {
    if ($socket == $server) {
      my $new = $server->accept or next;
      $new->blocking(0);
      $held{$new} = '';
      $reads->add($new);
      next;
    }
    my $count = sysread($socket, $held{$socket}, 262144, length $held{$socket});
    if (!defined $count) { gone($socket) unless $!{EAGAIN}; next }
    if ($count == 0) {
      $ended{$socket} = 1;
      $reads->remove($socket);
      gone($socket) if $held{$socket} eq '';
      next;
    }
    $writes->add($socket);
    $reads->remove($socket) if length $held{$socket} > 1048576;
  }
  for my $socket (@$writable) {
    next unless defined $held{$socket};
    my $count = syswrite($socket, $held{$socket});
    if (!defined $count) { gone($socket) unless $!{EAGAIN}; next }
    substr($held{$socket}, 0, $count) = '';
    if ($held{$socket} ne '') { next }
    if ($ended{$socket}) { gone($socket); next }
    $writes->remove($socket);
    $reads->add($socket);
  }
}

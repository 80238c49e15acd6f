/*
 * The exit of one execution: how it becomes known, and how it is published once, last and true, while the sandbox is
 * being destroyed, the connection to init breaks, init hangs or dies, and the runner is killed and replaced.
 *
 * README.md beside this file says what is left out, where each part is in the code, and how to run it. `atomic` is one
 * turn of an event loop or one act of the kernel. MUTATE_* takes one precaution away; each must be found.
 */
#define OWN 2 /* bytes that the child writes at most: one more than a read takes */
#define ROOM 2 /* bytes that the pipe holds, so that a holder's byte makes the child wait */
#define NOBODY 2
#define DOOMED (killed || initDead) /* the end of its PID 1 takes a pid namespace along */
#define ALL_DEAD (childDead && holderDead && initDead)
#define STARTED(r) (r == 0 || takeOver || crashed[0])

mtype:message = { WELCOME, REFUSED, EXIT, END }; /* END: end of file, behind whatever was sent before */
mtype:entry = { RUNS, ENDED, FORGOTTEN }; /* init's table */
mtype:link = { DOWN, CALLING, UP, TURNED_AWAY, GONE }; /* GONE: init is dead and all that it told is read */
mtype:state = { RUNNING, KILLING, DEAD, DONE }; /* the sandbox as its runner sees it */
mtype:reason = { NATURAL, DESTROYED, LOST };

/* The kernel's part. */
chan pipe = [ROOM] of { bit }; /* 1: a byte that the child itself wrote */
byte own, gone; /* how many of those were written; taken by a runner or stolen */
bool killed, initKilled, hung, childDead, holderDead, initDead;
chan toRunner[2] = [3] of { mtype:message };
bool ackSent[2]; /* in the socket */
chan listener = [2] of { byte }; /* init.sock: who says hello */

/* Init's part. Runner 1 is newer than runner 0: the number is its epoch. */
mtype:entry entry = RUNS;
bool told; /* on this connection */
byte client = 0, epoch = 0;

/* The runners' part. */
mtype:link link[2] = DOWN;
mtype:state state[2] = RUNNING;
mtype:reason endReason[2], reason[2];
bool known[2], claimed[2], queued[2], published[2];

/* What the world asks for, and what only the checks look at. */
bool wantEnd[2], takeOver, sigkill, crashed[2];
bool exitSent[2]; /* the runner will find it in its socket, or has found it */
bool broke[2];

/* The child may write, exit, or run until it is killed. */
active proctype Child() {
  do
  :: atomic { !DOOMED && own < OWN && nfull(pipe) -> pipe!1; own++ }
  :: !DOOMED -> break
  :: DOOMED -> break
  :: !DOOMED -> DOOMED; break
  od;
  childDead = true
}

/* A grandchild that keeps the pipe open for ever, writes when it likes, and reads from it (`cat < /dev/stdout`). */
active proctype Holder() {
  bit byteOfChild; bool wrote, stole;
  do
  :: atomic { !DOOMED && !wrote && nfull(pipe) -> pipe!0; wrote = true }
  :: atomic { !DOOMED && !stole && nempty(pipe) -> pipe?byteOfChild; gone = gone + byteOfChild; stole = true; byteOfChild = 0 }
  :: DOOMED -> break
  od;
  holderDead = true
}

active proctype Init() {
  byte runner;
  do
  :: atomic { !hung && childDead && entry == RUNS -> entry = ENDED }
  :: atomic { !hung && client != NOBODY && !crashed[client] && entry == ENDED && !told ->
       told = true; exitSent[client] = true; toRunner[client]!EXIT;
#ifdef MUTATE_FORGET_EARLY
       entry = FORGOTTEN
#endif
     }
  :: atomic { !hung && client != NOBODY && ackSent[client] -> ackSent[client] = false; entry = FORGOTTEN }
  :: atomic { !hung && client != NOBODY && crashed[client] && !ackSent[client] -> client = NOBODY }
  :: atomic { !hung && nempty(listener) -> listener?runner;
       if
       :: crashed[runner]
#ifndef MUTATE_NO_EPOCH
       :: !crashed[runner] && runner < epoch -> toRunner[runner]!REFUSED
#endif
       :: else ->
          if
          :: client != NOBODY -> toRunner[client]!END; ackSent[client] = false
          :: else
          fi;
          client = runner; epoch = runner;
#ifndef MUTATE_TELL_ONCE
          told = false;
#endif
          toRunner[runner]!WELCOME
       fi;
       runner = 0 }
  :: atomic { killed || initKilled -> break }
  od;
  atomic {
    initDead = true;
    if
    :: client != NOBODY -> toRunner[client]!END
    :: else
    fi;
    do
    :: listener?runner -> toRunner[runner]!END
    :: empty(listener) -> break
    od
  }
}

inline take(r) { pipe?fromChild; assert(!(fromChild && published[r])); gone = gone + fromChild; fromChild = 0 }

/* The process is dead; of those who learn of it the first one claims the exit. */
inline ended(r, why) {
  if
#ifdef MUTATE_NO_CLAIM
  :: known[r] ->
#else
  :: known[r] && !claimed[r] ->
#endif
     claimed[r] = true; reason[r] = why; queued[r] = true
  :: else
  fi
}

inline tearDown(r, why) { endReason[r] = why; killed = true; state[r] = KILLING }

inline publish(r) {
  queued[r] = false;
  assert(!published[r]);
  assert(own == gone); /* behind the last byte of the child, whoever else holds the pipe */
  assert(reason[r] == NATURAL || ALL_DEAD); /* an end is not made up while somebody may still run */
  assert(reason[r] == NATURAL || !exitSent[r]); /* nor when the true one was told */
  published[r] = true
}

/* One runner: every option is one turn of its event loop. */
proctype Runner(byte r) {
  bit fromChild; byte pending;
  STARTED(r);
  do
  :: atomic { known[r] && nempty(pipe) -> take(r) }

  /* Every telling is acknowledged: the last acknowledgement may have been lost with its connection. */
  :: atomic { toRunner[r]?[EXIT] -> toRunner[r]?EXIT; ackSent[r] = (client == r); ended(r, NATURAL) }
  :: atomic { toRunner[r]?[WELCOME] -> toRunner[r]?WELCOME; link[r] = UP; known[r] = known[r] || entry != FORGOTTEN }
  :: atomic { toRunner[r]?[REFUSED] -> toRunner[r]?REFUSED; link[r] = TURNED_AWAY }
  :: atomic { toRunner[r]?[END] -> toRunner[r]?END;
       assert(r < epoch || initDead || broke[r]); /* nobody older takes a sandbox away */
       if
       :: state[r] == RUNNING -> link[r] = DOWN
       :: else -> link[r] = GONE
       fi;
#ifdef MUTATE_LOST_UNCONFIRMED
       ended(r, LOST)
#endif
     }

  /* A broken connection is no exit. The deadline ends an init that does not answer. */
  :: atomic { link[r] == DOWN && !initDead -> listener!r; link[r] = CALLING }
  :: atomic { (link[r] == CALLING || link[r] == TURNED_AWAY) && !initDead && !initKilled -> initKilled = true }
  :: atomic { (link[r] == DOWN || link[r] == TURNED_AWAY) && initDead ->
       link[r] = GONE;
       if
       :: state[r] == RUNNING -> tearDown(r, LOST)
       :: else
       fi }

  /* Destroy and close: kill, have it confirmed, read what init still told, take the rest of the pipe. */
  :: atomic { wantEnd[r] && state[r] == RUNNING -> tearDown(r, DESTROYED) }
#ifdef MUTATE_FORCED_EARLY
  :: atomic { state[r] == KILLING -> state[r] = DEAD; link[r] = GONE }
#else
  :: atomic { state[r] == KILLING && ALL_DEAD -> state[r] = DEAD }
#endif
#ifdef MUTATE_END_UNREAD
  :: atomic { state[r] == DEAD ->
#else
  :: atomic { state[r] == DEAD && link[r] == GONE ->
#endif
       do
       :: known[r] && nempty(pipe) -> take(r)
       :: !known[r] || empty(pipe) -> break
       od;
       ended(r, endReason[r]); state[r] = DONE }

  /* The drain: what was pending is counted first (FIONREAD), so a holder that writes for ever delays nothing. */
  :: queued[r] ->
#ifndef MUTATE_NO_TARGET
     pending = len(pipe);
     do
     :: atomic { pending > 0 && nempty(pipe) -> take(r); pending-- }
     :: pending == 0 || empty(pipe) -> break
     od;
     pending = 0;
#endif
     atomic { publish(r) }
  /* A close drops what is still queued behind a teardown; then it is published without a drain. */
  :: atomic { queued[r] && state[r] == DONE -> publish(r) }

  :: atomic { sigkill && r == 0 -> crashed[r] = true; break }
  od
}

/* The host application, the kernel and the operator: what may happen, once each, or never. */
init {
  byte breaks; mtype:message message;
  atomic { link[0] = UP; known[0] = true; run Runner(0); run Runner(1) };
  do
  :: atomic { !wantEnd[0] -> wantEnd[0] = true }
  :: atomic { STARTED(1) && !wantEnd[1] -> wantEnd[1] = true }
  :: atomic { !sigkill -> sigkill = true }
  :: atomic { !takeOver -> takeOver = true } /* although runner 0 lives: its lock was taken away */
  :: atomic { !hung -> hung = true }
  :: atomic { !initKilled -> initKilled = true } /* out of memory */
  :: atomic { breaks < 2 && !initDead && client != NOBODY && !crashed[client] ->
       breaks++; broke[client] = true; ackSent[client] = false;
       do /* what was on its way arrives, or is lost */
       :: toRunner[client]?message -> exitSent[client] = exitSent[client] && message != EXIT
       :: break
       od;
       toRunner[client]!END; client = NOBODY }
  :: break
  od
}

#define PUBLISHED(r) (published[r] || crashed[r])
/* Its init does not answer, and nobody has asked for an end: then it is not told, and waits. */
#define EXITS(r) ([] ((known[r] && childDead) -> <> (PUBLISHED(r) || (hung && state[r] == RUNNING))))
#define CLOSES(r) ([] ((STARTED(r) && wantEnd[r]) -> <> (crashed[r] || (state[r] == DONE && (published[r] || !known[r])))))
ltl ends { EXITS(0) && EXITS(1) && CLOSES(0) && CLOSES(1) }

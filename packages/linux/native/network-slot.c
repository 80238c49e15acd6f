/*
 * A network slot by rtnetlink (rtnetlink(7), veth(4)): a network namespace and a veth pair, the host's end outside.
 * Nothing is there before it is complete but the pair and the namespace, which lives by the one descriptor of this
 * call: a call that fails, or a process that dies in it, leaves nothing.
 */
#include "netlink-socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define INSIDE "eth0"

struct slot_work {
  struct network_work work;
  char host_name[IFNAMSIZ];
  uint32_t address, gateway; /* network byte order */
  uint8_t prefix;
  int made; /* owned: the new namespace */
};

struct request {
  struct nlmsghdr header;
  unsigned char body[512];
};

static void *put_bytes(struct request *request, const void *bytes, size_t length) {
  void *at = (unsigned char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
  memcpy(at, bytes, length);
  request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + length);
  return at;
}

static struct rtattr *put(struct request *request, unsigned short type, const void *bytes, size_t length) {
  struct rtattr attribute = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(length)};
  struct rtattr *at = put_bytes(request, &attribute, sizeof attribute);
  put_bytes(request, bytes, length);
  return at;
}

static void end_nest(struct request *request, struct rtattr *nest) {
  nest->rta_len = (unsigned short)((unsigned char *)request + NLMSG_ALIGN(request->header.nlmsg_len) - (unsigned char *)nest);
}

static struct request start_request(unsigned short type, unsigned short flags) {
  return (struct request){.header = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = type,
                                     .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags), .nlmsg_seq = 1}};
}

static int finish(struct network_work *work, int fd, struct request *request, const char *what) {
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len);
  return netlink_exchange(work, fd, request, request->header.nlmsg_len, NULL, what);
}

/* One queue each way, said at once: the kernel would make one a processor and wait twice for an RCU grace period, under the lock
   of all interfaces, to take them back (veth_init_queues()). */
static void put_queues(struct request *request) {
  uint32_t one = 1;
  put(request, IFLA_NUM_TX_QUEUES, &one, sizeof one);
  put(request, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

static int make_pair(struct slot_work *slot, int host_netlink) {
  struct request request = start_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
  put_bytes(&request, &link, sizeof link);
  put(&request, IFLA_IFNAME, slot->host_name, strlen(slot->host_name) + 1);
  put_queues(&request);
  struct rtattr *info = put(&request, IFLA_LINKINFO, "", 0);
  put(&request, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = put(&request, IFLA_INFO_DATA, "", 0);
  struct rtattr *peer = put(&request, VETH_INFO_PEER, "", 0);
  put_bytes(&request, &link, sizeof link);
  put(&request, IFLA_IFNAME, INSIDE, sizeof INSIDE);
  put(&request, IFLA_NET_NS_FD, &slot->made, sizeof slot->made);
  put_queues(&request);
  end_nest(&request, peer);
  end_nest(&request, data);
  end_nest(&request, info);
  return finish(&slot->work, host_netlink, &request, slot->host_name);
}

static int add_address(struct slot_work *slot, int netlink, int index, uint32_t address) {
  struct request request = start_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  struct ifaddrmsg message = {.ifa_family = AF_INET, .ifa_prefixlen = slot->prefix, .ifa_index = (uint32_t)index};
  put_bytes(&request, &message, sizeof message);
  put(&request, IFA_LOCAL, &address, sizeof address);
  put(&request, IFA_ADDRESS, &address, sizeof address);
  return finish(&slot->work, netlink, &request, "address");
}

static int add_default_route(struct slot_work *slot, int netlink, int index) {
  struct request request = start_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  struct rtmsg message = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  put_bytes(&request, &message, sizeof message);
  put(&request, RTA_GATEWAY, &slot->gateway, sizeof slot->gateway);
  put(&request, RTA_OIF, &index, sizeof index);
  return finish(&slot->work, netlink, &request, "default route");
}

/* `any` is an inet socket of the namespace that has the interface. */
static int index_of(struct network_work *work, int any, const char *name) {
  struct ifreq request = {.ifr_ifindex = 0};
  (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(any, SIOCGIFINDEX, &request) != 0) return network_fail(work, "ioctl", "SIOCGIFINDEX, %s", name);
  return request.ifr_ifindex;
}

static int bring_up(struct network_work *work, int any, const char *name) {
  struct ifreq request = {.ifr_flags = IFF_UP};
  (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(any, SIOCSIFFLAGS, &request) != 0) return network_fail(work, "ioctl", "SIOCSIFFLAGS, %s up", name);
  return 0;
}

struct setting {
  const char *name, *value;
  bool may_lack; /* a kernel without IPv6 has nothing to turn off */
};

static int apply(struct network_work *work, const struct setting *settings, const char *interface) {
  for (; settings->name != NULL; settings++) {
    char path[160];
    (void)snprintf(path, sizeof path, settings->name, interface);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && settings->may_lack) continue;
    if (fd < 0) return network_fail(work, "open", "\"%s\"", path);
    if (write(fd, settings->value, strlen(settings->value)) < 0)
      return network_fail(work, "write", "\"%s\", \"%s\"", path, settings->value);
  }
  return 0;
}

#define V4 "/proc/sys/net/ipv4/"
#define V6 "/proc/sys/net/ipv6/"

static const struct setting inside[] = {
    {V6 "conf/all/disable_ipv6", "1", true},
    {V6 "conf/default/disable_ipv6", "1", true},
    {V4 "ip_forward", "0", false},
    {V4 "ip_unprivileged_port_start", "0", false},
    {V4 "ping_group_range", "0 2147483647", false},
    {V4 "conf/all/accept_redirects", "0", false},
    {NULL, NULL, false},
};

static const struct setting outside[] = {
    {V6 "conf/%s/disable_ipv6", "1", true},
    {V4 "conf/%s/forwarding", "1", false},
    {V4 "conf/%s/rp_filter", "1", false},
    {V4 "conf/%s/route_localnet", "0", false},
    {V4 "conf/%s/accept_local", "0", false},
    {V4 "conf/%s/accept_redirects", "0", false},
    {V4 "conf/%s/send_redirects", "0", false},
    {V4 "conf/%s/proxy_arp", "0", false},
    /* It answers for its own address only: who asks for the host's others learns nothing. */
    {V4 "conf/%s/arp_ignore", "1", false},
    {NULL, NULL, false},
};

static int inet_socket(struct network_work *work) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return fd < 0 ? network_fail(work, "socket", "AF_INET") : fd;
}

static int own_netns(struct network_work *work) {
  int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? network_fail(work, "open", "\"/proc/thread-self/ns/net\"") : fd;
}

static int make_slot(struct network_work *work) {
  struct slot_work *slot = (struct slot_work *)work;
  int index;
  cleanup_close int host_netns = own_netns(work);
  cleanup_close int host_netlink = host_netns < 0 ? -1 : netlink_open(work, NETLINK_ROUTE);
  cleanup_close int host_any = host_netlink < 0 ? -1 : inet_socket(work);
  if (host_any < 0) return -1;

  /* Inside: complete before the host's end is up. */
  if (unshare(CLONE_NEWNET) != 0) return network_fail(work, "unshare", "CLONE_NEWNET");
  slot->made = own_netns(work);
  cleanup_close int netlink = slot->made < 0 ? -1 : netlink_open(work, NETLINK_ROUTE);
  cleanup_close int any = netlink < 0 ? -1 : inet_socket(work);
  if (any < 0 || apply(work, inside, "") != 0 || bring_up(work, any, "lo") != 0 || make_pair(slot, host_netlink) != 0)
    return -1;
  if ((index = index_of(work, any, INSIDE)) < 0 || add_address(slot, netlink, index, slot->address) != 0 ||
      bring_up(work, any, INSIDE) != 0 || add_default_route(slot, netlink, index) != 0)
    return -1;

  /* Outside. /proc/sys/net is that of the thread's namespace. */
  if (setns(host_netns, CLONE_NEWNET) != 0) return network_fail(work, "setns", "back to the host's namespace");
  if (apply(work, outside, slot->host_name) != 0) return -1;
  if ((index = index_of(work, host_any, slot->host_name)) < 0 ||
      add_address(slot, host_netlink, index, slot->gateway) != 0)
    return -1;
  return bring_up(work, host_any, slot->host_name);
}

static napi_value made_netns(struct network_work *work) {
  return give_fd(work->addon, steal_fd(&((struct slot_work *)work)->made));
}

static void release_slot(struct network_work *work) {
  int made = ((struct slot_work *)work)->made;
  if (made >= 0) close(made);
}

/* (netns of the host or null, name of its end, address, gateway, prefix): a promise of the slot's namespace. */
static napi_value make_network_slot(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int64_t address, gateway, prefix;
  cleanup_free char *name = NULL;
  size_t length;
  struct addon *addon = get_arguments(env, info, 5, values);
  if (addon == NULL || !get_c_string(addon, values[1], "make_network_slot", &name, &length) ||
      !get_integer(env, values[2], "address", 0, UINT32_MAX, &address) ||
      !get_integer(env, values[3], "gateway", 0, UINT32_MAX, &gateway) ||
      !get_integer(env, values[4], "prefix", 1, 32, &prefix))
    return NULL;
  /* Such a name would be another file below /proc/sys, or a pattern of the kernel's. */
  if (length == 0 || length >= IFNAMSIZ || strpbrk(name, "/%. :\n") != NULL)
    return throw_linux_error(addon, EINVAL, "make_network_slot", "no name of an interface");
  struct slot_work *slot = calloc(1, sizeof *slot);
  if (slot == NULL) return throw_linux_error(addon, ENOMEM, "calloc", "network slot");
  slot->work = (struct network_work){.netns = -1, .run = make_slot, .result = made_netns, .release = release_slot};
  slot->made = -1;
  memcpy(slot->host_name, name, length + 1);
  slot->address = htonl((uint32_t)address);
  slot->gateway = htonl((uint32_t)gateway);
  slot->prefix = (uint8_t)prefix;
  if (!network_take_netns(addon, values[0], &slot->work)) {
    network_discard(&slot->work);
    return NULL;
  }
  return network_start(addon, &slot->work);
}

const struct export network_slot_exports[] = {{"makeNetworkSlot", make_network_slot}, {NULL, NULL}};

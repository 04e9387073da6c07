/* Network: links made by netlink, and round trips and streams over loopback, over a veth pair between two
 * namespaces, and over veth, bridge, veth. */

#include "sandbox.h"
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { WARM_UP = 3, SETTLE_US = 20000, CHUNK = 16 << 20, BLOCK = 128 << 10 };

/* ---------------------------------------------------------------------------------------------- netlink */

struct message {
    struct nlmsghdr head;
    union { struct ifinfomsg link; struct ifaddrmsg address; };
    char rest[512];
};

static int netlink_socket(void) {
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0) fail("netlink");
    return netlink;
}

static struct message *message(int type, int flags) {
    static struct message one;
    memset(&one, 0, sizeof one);
    one.head.nlmsg_type = type;
    one.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    one.head.nlmsg_len = NLMSG_LENGTH(type == RTM_NEWADDR ? sizeof one.address : sizeof one.link);
    return &one;
}

static struct rtattr *attribute(struct message *to, int type, const void *value, int size) {
    struct rtattr *new = (void *)((char *)to + NLMSG_ALIGN(to->head.nlmsg_len));
    new->rta_type = type;
    new->rta_len = RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(new), value, size);
    to->head.nlmsg_len = NLMSG_ALIGN(to->head.nlmsg_len) + RTA_ALIGN(new->rta_len);
    return new;
}

static void text_attribute(struct message *to, int type, const char *text) {
    attribute(to, type, text, strlen(text) + 1);
}

static void close_nest(struct message *to, struct rtattr *nest) {
    nest->rta_len = (char *)to + to->head.nlmsg_len - (char *)nest;
}

/* Send it and wait for the kernel's answer. */
static void carry_out(int netlink, struct message *what, const char *name) {
    char answer[4096];
    if (send(netlink, what, what->head.nlmsg_len, 0) < 0 || recv(netlink, answer, sizeof answer, 0) < 0)
        fail(name);
    struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);
    if ((errno = -error->error)) fail(name);
}

/* A pair of links, each put into the namespace of a process (0: this one); `master` takes the first one. */
static void new_veth(int netlink, const char *name, int pid, const char *peer, int peer_pid, int master) {
    struct message *new = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    if (master) new->link.ifi_flags = new->link.ifi_change = IFF_UP;
    text_attribute(new, IFLA_IFNAME, name);
    if (pid) attribute(new, IFLA_NET_NS_PID, &pid, sizeof pid);
    if (master) attribute(new, IFLA_MASTER, &master, sizeof master);
    struct rtattr *info = attribute(new, IFLA_LINKINFO, NULL, 0);
    text_attribute(new, IFLA_INFO_KIND, "veth");
    struct rtattr *data = attribute(new, IFLA_INFO_DATA, NULL, 0);
    struct ifinfomsg other = {0};
    struct rtattr *end = attribute(new, VETH_INFO_PEER, &other, sizeof other);
    text_attribute(new, IFLA_IFNAME, peer);
    if (peer_pid) attribute(new, IFLA_NET_NS_PID, &peer_pid, sizeof peer_pid);
    close_nest(new, end);
    close_nest(new, data);
    close_nest(new, info);
    carry_out(netlink, new, "a veth pair cannot be made");
}

static void new_bridge(int netlink, const char *name) {
    struct message *new = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    new->link.ifi_flags = new->link.ifi_change = IFF_UP;
    text_attribute(new, IFLA_IFNAME, name);
    struct rtattr *info = attribute(new, IFLA_LINKINFO, NULL, 0);
    text_attribute(new, IFLA_INFO_KIND, "bridge");
    close_nest(new, info);
    carry_out(netlink, new, "a bridge cannot be made");
}

static void change_link(int netlink, const char *name, int up, int type, int value) {
    struct message *set = message(RTM_NEWLINK, 0);
    set->link.ifi_index = if_nametoindex(name);
    if (up) set->link.ifi_flags = set->link.ifi_change = IFF_UP;
    if (type) attribute(set, type, &value, sizeof value);
    carry_out(netlink, set, "a link cannot be changed");
}

static void delete_link(int netlink, const char *name) {
    struct message *gone = message(RTM_DELLINK, 0);
    gone->link.ifi_index = if_nametoindex(name);
    carry_out(netlink, gone, "a link cannot be deleted");
}

static void add_address(int netlink, const char *name, const char *address) {
    struct message *add = message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    struct in_addr ip;
    inet_pton(AF_INET, address, &ip);
    add->address.ifa_family = AF_INET;
    add->address.ifa_prefixlen = 24;
    add->address.ifa_index = if_nametoindex(name);
    attribute(add, IFA_LOCAL, &ip, sizeof ip);
    attribute(add, IFA_ADDRESS, &ip, sizeof ip);
    carry_out(netlink, add, "an address cannot be given");
}

/* links TIMES: samples a time: making a bridge, making a veth pair, attaching one end to the bridge, moving
 * the other into another namespace, giving an address, taking the end up, deleting the pair, deleting the
 * bridge. The kernel's background work of one round is over before the next. */
static void links(long times, char **args) {
    (void)args;
    enter(CLONE_NEWNET);
    pid_t other = fork_into(CLONE_NEWNET);
    if (other == 0)
        for (;;) pause();
    int netlink = netlink_socket();
    for (int i = -WARM_UP; i < times; i++) {
        double at[9] = {now()};
        new_bridge(netlink, "bridge");
        at[1] = now();
        new_veth(netlink, "veth", 0, "peer", 0, 0);
        at[2] = now();
        change_link(netlink, "veth", 0, IFLA_MASTER, if_nametoindex("bridge"));
        at[3] = now();
        add_address(netlink, "peer", "10.77.0.2");
        at[4] = now();
        change_link(netlink, "peer", 1, 0, 0);
        at[5] = now();
        change_link(netlink, "peer", 0, IFLA_NET_NS_PID, other);
        at[6] = now();
        delete_link(netlink, "veth");
        at[7] = now();
        delete_link(netlink, "bridge");
        at[8] = now();
        for (int k = 0; k < 8 && i >= 0; k++) sample(at[k + 1] - at[k]);
        usleep(SETTLE_US);
    }
}

/* ------------------------------------------------------------------------------------------- two peers */

static struct common { int ready, port; } *common;

static void await(int *what) {
    while (!__atomic_load_n(what, __ATOMIC_ACQUIRE)) usleep(200);
}

static void tell(int *what, int value) { __atomic_store_n(what, value, __ATOMIC_RELEASE); }

static struct sockaddr_in address_of(const char *ip, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &at.sin_addr);
    return at;
}

static void no_delay(int connection) {
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* The answering peer's socket: bound, and connected to who asks. */
static int answer_socket(int type, const char *own) {
    int server = socket(AF_INET, type, 0);
    struct sockaddr_in at = address_of(own, 0);
    socklen_t size = sizeof at;
    if (server < 0 || bind(server, (void *)&at, size)) fail("bind");
    if (getsockname(server, (void *)&at, &size)) fail("getsockname");
    if (type == SOCK_STREAM) {
        if (listen(server, 1)) fail("listen");
        tell(&common->port, ntohs(at.sin_port));
        if ((server = accept(server, NULL, NULL)) < 0) fail("accept");
        no_delay(server);
        return server;
    }
    char byte;
    tell(&common->port, ntohs(at.sin_port));
    if (recvfrom(server, &byte, 1, 0, (void *)&at, &size) != 1) fail("recvfrom");
    if (connect(server, (void *)&at, size)) fail("connect");
    if (send(server, &byte, 1, 0) != 1) fail("send");
    return server;
}

static int ask_socket(int type, const char *peer) {
    await(&common->port);
    int client = socket(AF_INET, type, 0);
    struct sockaddr_in at = address_of(peer, common->port);
    if (client < 0 || connect(client, (void *)&at, sizeof at)) fail("connect");
    if (type == SOCK_STREAM) {
        no_delay(client);
    } else {
        char byte = 0;
        if (send(client, &byte, 1, 0) != 1 || recv(client, &byte, 1, 0) != 1) fail("no answer");
    }
    return client;
}

static void answer_bytes(int peer) {
    char byte;
    while (recv(peer, &byte, 1, 0) == 1 && byte)
        if (send(peer, &byte, 1, 0) != 1) fail("send");
}

static void ask_bytes(int peer, long times) {
    char byte = 1;
    for (long i = -times / 10 - 10; i < times; i++) {
        double start = now();
        if (send(peer, &byte, 1, 0) != 1 || recv(peer, &byte, 1, 0) != 1) fail("recv");
        if (i >= 0) sample(now() - start);
    }
    byte = 0;
    send(peer, &byte, 1, 0);
}

static void swallow(int peer, long chunks) {
    static char block[BLOCK];
    double last = 0;
    long got = 0;
    for (int done = -2; done < chunks;) {
        int length = recv(peer, block, sizeof block, 0);
        if (length <= 0) fail("recv");
        got += length;
        if (got < CHUNK) continue;
        got -= CHUNK;
        double at = now();
        if (++done > 0) sample((at - last) / (CHUNK >> 20));
        last = at;
    }
}

static void pour(int peer) {
    static char block[BLOCK];
    signal(SIGPIPE, SIG_IGN);
    while (send(peer, block, sizeof block, 0) > 0) continue;
}

/* peers TIMES udp|tcp|stream loopback|veth|bridge CPU CPU: two processes, each pinned to a CPU: round trips
 * of one byte, or the time of each MiB of a stream, taken over 16 MiB. */
static void peers(long times, char **args) {
    static const char *const addresses[] = {"10.77.0.1", "10.77.0.2"};
    const char *what = args[0], *where = args[1];
    int local = !strcmp(where, "loopback"), type = strcmp(what, "udp") ? SOCK_STREAM : SOCK_DGRAM;
    int stream = !strcmp(what, "stream");
    common = shared(sizeof *common);
    if (!local) enter(CLONE_NEWNET);
    pid_t pid[2];
    for (int side = 0; side < 2; side++) {
        if ((pid[side] = fork_into(local ? 0 : CLONE_NEWNET))) continue;
        await(&common->ready);
        if (!local) {
            int netlink = netlink_socket();
            add_address(netlink, "eth0", addresses[side]);
            change_link(netlink, "eth0", 1, 0, 0);
            close(netlink);
        }
        pin(atoi(args[2 + side]));
        if (side == 0) {
            int peer = answer_socket(type, local ? "127.0.0.1" : addresses[0]);
            if (stream) swallow(peer, times); else answer_bytes(peer);
        } else {
            int peer = ask_socket(type, local ? "127.0.0.1" : addresses[0]);
            if (stream) pour(peer); else ask_bytes(peer, times);
        }
        fflush(stdout);
        _exit(0);
    }
    if (!strcmp(where, "veth")) {
        new_veth(netlink_socket(), "eth0", pid[0], "eth0", pid[1], 0);
    } else if (!local) {
        int netlink = netlink_socket();
        new_bridge(netlink, "bridge");
        new_veth(netlink, "veth0", 0, "eth0", pid[0], if_nametoindex("bridge"));
        new_veth(netlink, "veth1", 0, "eth0", pid[1], if_nametoindex("bridge"));
    }
    tell(&common->ready, 1);
    succeed(pid[1]);
    succeed(pid[0]);
}

int main(int argc, char **argv) {
    static const struct measurement all[] = {{"links", links}, {"peers", peers}};
    die_with_parent();
    return measure_named(all, LENGTH(all), argc, argv);
}

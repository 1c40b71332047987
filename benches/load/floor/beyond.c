// Past the floor: the same packets as relay.c, moved in other ways, so that what each would save is known before it is built.
//
//   beyond MODE LEGS SECONDS [TICK_US]
//
//   legs       a socket a leg, a read and a send a packet: the floor as it is (and the daemon's plan)
//   connected  the same, each socket connected to its peer
//   one        one socket for all legs: many packets with each recvmmsg and sendmmsg
//   kernel     a BPF program rewrites and turns round each packet as it comes in (TCX, Linux 6.6; root): no system call at all
//   direct     nobody in between: what the peers themselves cost
//   prompt     W1: nothing but a packet of a prompt a leg and 20 ms, a send each
//   prompt-one the same out of one socket, all that are due with one sendmmsg
//   prompt-gso the same, a socket a leg, two packets each 40 ms with one send (UDP_SEGMENT)
//
// Leg k goes to leg k^1. The peers are a child of this process: a socket each, a packet each 20 ms, spread over them. Prints
// for each packet that reached its peer, as one JSON line: instructions (user and kernel) and CPU of the relaying process, and
// the instructions of the peers, which pay for what the kernel does while they send.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Not in the headers of every distribution yet.
enum { TCX_INGRESS = 46 };
enum { OWN = 15000, PEER = 10000, FRAME_US = 20000, EVENTS = 512, BATCH = 256, SIZE = 172 };

static int count, tick_us = 1000;
static uint64_t received, sent, failed;

static struct sockaddr_in at(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f090909)};
    return a;
}

static int opened(int port, int peer) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), buffer = 4 << 20;
    struct sockaddr_in own = at(port), to = at(peer);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (bind(fd, (void *)&own, sizeof own) || (peer && connect(fd, (void *)&to, sizeof to))) {
        perror("socket");
        exit(1);
    }
    return fd;
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void sleep_until(int64_t us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

enum { TO_LEGS, TO_ONE, TO_EACH_OTHER };

// The callers and agents.
static void peers(int talk, int to) {
    int *fds = calloc(count, sizeof *fds);
    unsigned char b[2048] = {0x80, 8};
    for (int k = 0; k < count; k++) fds[k] = opened(PEER + k, to == TO_EACH_OTHER ? PEER + (k ^ 1) : to == TO_ONE ? OWN : OWN + k);
    int64_t begin = now_us();
    for (int64_t tick = 0;; tick++) {
        sleep_until(begin + tick * 1000);
        for (int k = tick % 20; k < count; k += 20) {
            while (recv(fds[k], b, sizeof b, 0) > 0) {}
            uint16_t seq = htons(tick / 20);
            uint32_t ts = htonl(tick / 20 * 160), ssrc = htonl(k);
            b[0] = 0x80;
            memcpy(b + 2, &seq, 2);
            memcpy(b + 4, &ts, 4);
            memcpy(b + 8, &ssrc, 4);
            if (talk && send(fds[k], b, SIZE, 0) < 0) {}
        }
    }
}

// As an anchored relay must: sequence, time stamp and SSRC of its own.
static void rewrite(unsigned char *b, int k) {
    uint32_t ssrc = htonl(0x10000000 + k);
    b[1] = (b[1] & 0x80) | 8;
    memcpy(b + 8, &ssrc, 4);
}

static int *fds, ep;

static void open_legs(int connected) {
    struct epoll_event e = {.events = EPOLLIN};
    fds = calloc(count, sizeof *fds);
    ep = epoll_create1(0);
    for (int k = 0; k < count; k++) {
        fds[k] = opened(OWN + k, connected ? PEER + k : 0);
        e.data.u32 = k;
        epoll_ctl(ep, EPOLL_CTL_ADD, fds[k], &e);
    }
}

static void note(ssize_t done) {
    if (done > 0) sent++; else failed++;
}

static void relay_legs(int connected) {
    static struct epoll_event events[EVENTS];
    unsigned char b[2048];
    int n;
    while ((n = epoll_wait(ep, events, EVENTS, 0)) > 0) {
        for (int i = 0; i < n; i++) {
            int k = events[i].data.u32, other = k ^ 1;
            struct sockaddr_in from, to = at(PEER + other);
            socklen_t size = sizeof from;
            ssize_t length = recvfrom(fds[k], b, sizeof b, 0, (void *)&from, &size);
            if (length < 12) continue;
            received++;
            rewrite(b, k);
            note(connected ? send(fds[other], b, length, 0)
                           : sendto(fds[other], b, length, 0, (void *)&to, sizeof to));
        }
        if (n < EVENTS) return;
    }
}

static unsigned char room[BATCH][2048];
static struct iovec pieces[BATCH];
static struct sockaddr_in names[BATCH];
static struct mmsghdr heads[BATCH];

static void address(int i, int port, size_t length) {
    names[i] = at(port);
    pieces[i] = (struct iovec){room[i], length};
    heads[i].msg_hdr = (struct msghdr){
        .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
}

static void send_all(int fd, int n) {
    for (int first = 0; first < n;) {
        int done = sendmmsg(fd, heads + first, n - first, 0);
        if (done <= 0) {
            failed += n - first;
            return;
        }
        sent += done;
        first += done;
    }
}

// The legs are told apart by where their packets come from: nothing else is different here. In truth it would take an
// address and port of the peer that is learnt before its packets can be told from another's.
static void relay_one(int fd) {
    for (;;) {
        for (int i = 0; i < BATCH; i++) address(i, 0, sizeof room[i]);
        int n = recvmmsg(fd, heads, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) return;
        received += n;
        for (int i = 0; i < n; i++) {
            int k = ntohs(names[i].sin_port) - PEER;
            rewrite(room[i], k);
            address(i, PEER + (k ^ 1), heads[i].msg_len);
        }
        send_all(fd, n);
        if (n < BATCH) return;
    }
}

static void frame(unsigned char *b, int k, int64_t number) {
    uint16_t seq = htons(number);
    uint32_t ts = htonl(number * 160), ssrc = htonl(k);
    b[0] = 0x80;
    b[1] = 8;
    memcpy(b + 2, &seq, 2);
    memcpy(b + 4, &ts, 4);
    memcpy(b + 8, &ssrc, 4);
    memset(b + 12, number * 31, SIZE - 12);
}

// Those whose frames are due in this millisecond.
static void prompt(int64_t ms, int fd, int gso) {
    int every = gso ? 40 : 20, n = 0;
    for (int k = ms % every; k < count; k += every) {
        unsigned char b[2 * SIZE];
        struct sockaddr_in to = at(PEER + k);
        if (fd >= 0) {
            frame(room[n], k, ms / 20);
            address(n, PEER + k, SIZE);
            if (++n == BATCH) send_all(fd, n), n = 0;
        } else if (gso) {
            frame(b, k, ms / 20);
            frame(b + SIZE, k, ms / 20 + 1);
            note(sendto(fds[k], b, sizeof b, 0, (void *)&to, sizeof to));
            note(1);
        } else {
            frame(b, k, ms / 20);
            note(sendto(fds[k], b, SIZE, 0, (void *)&to, sizeof to));
        }
    }
    if (n) send_all(fd, n);
}

// What a packet to a leg's port becomes.
typedef struct {
    uint16_t from, to;
    uint32_t ssrc;
    uint64_t packets;
} turn_t;

static int bpf(int command, union bpf_attr *attr) {
    int fd = syscall(SYS_bpf, command, attr, sizeof *attr);
    if (fd < 0) {
        perror("bpf");
        exit(1);
    }
    return fd;
}

#define I(c, d, s, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define LOAD(size, d, s, o) I(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, s, o) I(BPF_STX | BPF_MEM | (size), d, s, o, 0)

// As relay_legs does it, in 30 instructions: a table by port, the ports and the SSRC anew. In a namespace of its own: what
// else goes over the loopback is not looked at.
static int turn_in_kernel(void) {
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = sizeof(turn_t), .max_entries = count};
    int table = bpf(BPF_MAP_CREATE, &map);
    for (int k = 0; k < count; k++) {
        turn_t turn = {htons(OWN + (k ^ 1)), htons(PEER + (k ^ 1)), htonl(0x10000000 + k), 0};
        union bpf_attr set = {.map_fd = table, .key = (uintptr_t)&k, .value = (uintptr_t)&turn, .flags = BPF_ANY};
        bpf(BPF_MAP_UPDATE_ELEM, &set);
    }
    // Ethernet 14, IP 20, UDP 8 octets; then RTP, whose SSRC is at 8.
    struct bpf_insn program[] = {
        LOAD(BPF_W, 7, 1, offsetof(struct __sk_buff, data)),
        LOAD(BPF_W, 8, 1, offsetof(struct __sk_buff, data_end)),
        I(BPF_ALU64 | BPF_MOV | BPF_X, 2, 7, 0, 0),
        I(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, 54),
        I(BPF_JMP | BPF_JGT | BPF_X, 2, 8, 22, 0),
        LOAD(BPF_B, 2, 7, 14),
        I(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 20, 0x45),
        LOAD(BPF_B, 2, 7, 23),
        I(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 18, IPPROTO_UDP),
        LOAD(BPF_H, 2, 7, 36),
        I(BPF_ALU | BPF_END | BPF_TO_BE, 2, 0, 0, 16),
        I(BPF_ALU64 | BPF_SUB | BPF_K, 2, 0, 0, OWN),
        STORE(BPF_W, 10, 2, -4),
        I(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
        I(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
        I(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, table),
        I(0, 0, 0, 0, 0),
        I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
        I(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 8, 0),
        LOAD(BPF_W, 1, 0, offsetof(turn_t, from)),
        STORE(BPF_W, 7, 1, 34),
        I(BPF_ST | BPF_MEM | BPF_H, 7, 0, 40, 0),
        LOAD(BPF_W, 1, 0, offsetof(turn_t, ssrc)),
        STORE(BPF_W, 7, 1, 50),
        LOAD(BPF_DW, 1, 0, offsetof(turn_t, packets)),
        I(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 1),
        STORE(BPF_DW, 0, 1, offsetof(turn_t, packets)),
        I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
        I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    static char log[1 << 16];
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                           .insns = (uintptr_t)program,
                           .insn_cnt = sizeof program / sizeof *program,
                           .license = (uintptr_t) "GPL",
                           .log_buf = (uintptr_t)log,
                           .log_size = sizeof log,
                           .log_level = 1};
    int loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
    if (loaded < 0) {
        fprintf(stderr, "%s", log);
        exit(1);
    }
    union bpf_attr link = {.link_create = {.prog_fd = loaded, .target_ifindex = 1, .attach_type = TCX_INGRESS}};
    bpf(BPF_LINK_CREATE, &link);
    return table;
}

static void count_turned(int table) {
    for (int k = 0; k < count; k++) {
        turn_t turn = {0};
        union bpf_attr get = {.map_fd = table, .key = (uintptr_t)&k, .value = (uintptr_t)&turn};
        bpf(BPF_MAP_LOOKUP_ELEM, &get);
        sent += turn.packets;
    }
}

static void loopback_of_our_own(void) {
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (unshare(CLONE_NEWNET) || ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo)) {
        perror("a network namespace");
        exit(1);
    }
}

static int counter(int pid, int user) {
    struct perf_event_attr a = {.type = PERF_TYPE_HARDWARE, .size = sizeof a, .config = PERF_COUNT_HW_INSTRUCTIONS,
                                .exclude_user = !user, .exclude_kernel = user, .exclude_hv = 1};
    return syscall(SYS_perf_event_open, &a, pid, -1, -1, 0);
}

static double counted(int fd) {
    uint64_t value = 0;
    return read(fd, &value, sizeof value) == sizeof value ? value : 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: beyond legs|connected|one|kernel|direct|prompt|prompt-one|prompt-gso LEGS SECONDS [TICK_US]\n");
        return 2;
    }
    const char *mode = argv[1];
    int plays = !strncmp(mode, "prompt", 6), one = !strcmp(mode, "one") || !strcmp(mode, "prompt-one");
    int gso = !strcmp(mode, "prompt-gso"), connected = !strcmp(mode, "connected"), fd = -1;
    int kernel = !strcmp(mode, "kernel"), direct = !strcmp(mode, "direct"), table = 0;
    count = atoi(argv[2]);
    if (argc > 4) tick_us = atoi(argv[4]);
    struct rlimit files = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_NOFILE, &files);
    loopback_of_our_own();
    if (kernel) table = turn_in_kernel();
    if (one) fd = opened(OWN, 0);
    if (!one && !direct) open_legs(connected);
    for (int k = 0; gso && k < count; k++) {
        int segment = SIZE;
        setsockopt(fds[k], SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    pid_t child = fork();
    if (child == 0) peers(!plays, direct ? TO_EACH_OTHER : one ? TO_ONE : TO_LEGS);
    usleep(300000);
    int user = counter(0, 1), system = counter(0, 0), theirs = counter(child, 1), for_them = counter(child, 0);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    if (kernel) count_turned(table);
    uint64_t earlier = sent;
    double u = counted(user), s = counted(system), peers = counted(theirs) + counted(for_them);
    int64_t begin = now_us(), end = begin + atoll(argv[3]) * 1000000, ms = 0;
    for (int64_t next = begin; next < end; next += tick_us) {
        sleep_until(next);
        for (; plays && ms * 1000 <= next - begin; ms++) prompt(ms, fd, gso);
        if (!plays && one) relay_one(fd);
        if (!plays && !one && !kernel && !direct) relay_legs(connected);
    }
    u = counted(user) - u;
    s = counted(system) - s;
    peers = counted(theirs) + counted(for_them) - peers;
    sent = direct ? (uint64_t)count * 50 * atoi(argv[3]) : sent - earlier;
    if (kernel) sent = 0, count_turned(table), sent -= earlier;
    getrusage(RUSAGE_SELF, &after);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    double cpu = after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec +
                 (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    double per = sent ? sent : 1;
    printf("{\"mode\":\"%s\",\"legs\":%d,\"tick_us\":%d,\"received\":%lu,\"sent\":%lu,\"failed\":%lu,"
           "\"user_instructions\":%.0f,\"kernel_instructions\":%.0f,\"peers_instructions\":%.0f,\"us_per_sent_packet\":%.3f}\n",
           mode, count, tick_us, received, sent, failed, u / per, s / per, peers / per, cpu * 1e6 / per);
    return 0;
}

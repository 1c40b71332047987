// The floor: the least that any server must do for the packets of a workload. Nothing else: no SIP, no decisions.
//
//   relay ivr   LEGS SECONDS   every leg is a call: a prompt goes out on the tick, what comes in is drained (W1)
//   relay pairs LEGS SECONDS   leg k goes to leg k^1 with its RTP header rewritten (W2)
//
// One thread, an absolute 1 ms tick, send slots spread over 20 ms, one UDP socket a leg: the same plan as the daemon's
// media threads. Leg k receives on port 15000 + k and sends to port 10000 + k, both on 127.9.9.9. Prints one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { RELAY_PORT = 15000, PEER_PORT = 10000, TICK_NS = 1000000, SLOTS = 20, EVENTS = 512, PROMPT = 12 * 8000 };

typedef struct {
    int fd;
    uint16_t seq;
    uint32_t ts, ssrc;
    struct sockaddr_in peer;
} leg_t;

static leg_t *legs;
static int count, ep;
static uint64_t received, sent, failed;
static volatile sig_atomic_t stop;

static void on_alarm(int s) {
    (void)s;
    stop = 1;
}

static struct sockaddr_in at(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f090909)};
    return a;
}

static void send_from(leg_t *leg, const unsigned char *packet, size_t length) {
    ssize_t n = sendto(leg->fd, packet, length, MSG_DONTWAIT, (void *)&leg->peer, sizeof leg->peer);
    if (n == (ssize_t)length) sent++; else failed++;
}

static void wait_for_tick(void) {
    static int64_t next;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = t.tv_sec * 1000000000LL + t.tv_nsec;
    next = next + TICK_NS > now && next ? next + TICK_NS : now;
    t.tv_sec = next / 1000000000;
    t.tv_nsec = next % 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

// The header of an anchored relay: its own sequence, time stamp and SSRC would go here. The sink tells streams apart
// by what they were sent with, so the stores are done and the values kept.
static void rewrite(leg_t *out, unsigned char *b) {
    uint16_t seq;
    uint32_t ts, ssrc;
    memcpy(&seq, b + 2, 2);
    memcpy(&ts, b + 4, 4);
    memcpy(&ssrc, b + 8, 4);
    out->seq++;
    out->ts = ntohl(ts);
    out->ssrc = ssrc;
    b[0] = 0x80;
    b[1] = (b[1] & 0x80) | 8;
    memcpy(b + 2, &seq, 2);
    ts = htonl(out->ts);
    memcpy(b + 4, &ts, 4);
    memcpy(b + 8, &out->ssrc, 4);
}

static void drain(int relay) {
    static struct epoll_event events[EVENTS];
    unsigned char b[2048];
    int n;
    while ((n = epoll_wait(ep, events, EVENTS, 0)) > 0) {
        for (int i = 0; i < n; i++) {
            uint32_t k = events[i].data.u32;
            ssize_t length = recv(legs[k].fd, b, sizeof b, MSG_DONTWAIT);
            if (length < 12) continue;
            received++;
            if (!relay) continue;
            leg_t *out = &legs[k ^ 1];
            rewrite(out, b);
            send_from(out, b, length);
        }
        if (n < EVENTS) return;
    }
}

static void play(uint64_t tick) {
    static unsigned char prompt[PROMPT];
    if (tick == 0) for (int i = 0; i < PROMPT; i++) prompt[i] = i * 31;
    for (int k = tick % SLOTS; k < count; k += SLOTS) {
        leg_t *leg = &legs[k];
        unsigned char b[172] = {0x80, 8};
        uint16_t seq = htons(leg->seq);
        uint32_t ts = htonl(leg->ts), ssrc = htonl(0x10000000 + k);
        memcpy(b + 2, &seq, 2);
        memcpy(b + 4, &ts, 4);
        memcpy(b + 8, &ssrc, 4);
        memcpy(b + 12, prompt + leg->ts % PROMPT / 160 * 160, 160);
        send_from(leg, b, sizeof b);
        leg->seq++;
        leg->ts += 160;
    }
}

static double seconds(struct timeval a, struct timeval b) {
    return (b.tv_sec - a.tv_sec) + (b.tv_usec - a.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 4 || (strcmp(argv[1], "ivr") && strcmp(argv[1], "pairs"))) {
        fprintf(stderr, "usage: relay ivr|pairs LEGS SECONDS\n");
        return 2;
    }
    int ivr = !strcmp(argv[1], "ivr"), buffer = 262144;
    count = atoi(argv[2]);
    legs = calloc(count, sizeof *legs);
    ep = epoll_create1(0);
    struct rlimit files = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_NOFILE, &files);
    for (int k = 0; k < count; k++) {
        struct sockaddr_in own = at(RELAY_PORT + k);
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = k};
        legs[k].peer = at(PEER_PORT + k);
        legs[k].fd = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(legs[k].fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        if (bind(legs[k].fd, (void *)&own, sizeof own)) {
            perror("bind");
            return 1;
        }
        epoll_ctl(ep, EPOLL_CTL_ADD, legs[k].fd, &e);
    }
    struct itimerval end = {{0, 0}, {atoi(argv[3]), 0}};
    struct rusage before, after;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &end, NULL);
    getrusage(RUSAGE_SELF, &before);
    for (uint64_t tick = 0; !stop; tick++) {
        wait_for_tick();
        if (ivr) play(tick);
        drain(!ivr);
    }
    getrusage(RUSAGE_SELF, &after);
    double cpu = seconds(before.ru_utime, after.ru_utime) + seconds(before.ru_stime, after.ru_stime);
    printf("{\"mode\":\"%s\",\"legs\":%d,\"received\":%lu,\"sent\":%lu,\"failed\":%lu,\"cpu_s\":%.3f,"
           "\"us_per_sent_packet\":%.3f}\n",
           argv[1], count, received, sent, failed, cpu, cpu * 1e6 / (sent ? sent : 1));
    return 0;
}

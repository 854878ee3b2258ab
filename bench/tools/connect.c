// connect inflight|rate NUMBER ADDRESS:PORT[,ADDRESS:PORT...] SECONDS: TCP connections to these in turn, each until the server's first octet.
// `inflight` keeps so many going, `rate` begins so many a second whatever becomes of them. One that has no octet after a second has failed.
// Prints, as JSON, what bench/connections.ts reads. Times are nanoseconds of the monotonic clock.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  capacity = 1 << 17,   // of attempts between the oldest that goes on and the newest
  most_failures = 1 << 14,
  most_targets = 64,
  fine = 7,             // each power of two is divided into 2^7 buckets: a time is known to 0.8 %
  buckets = 64 << fine,
};
static const uint64_t second = 1000000000, patience = second;

struct attempt {
  uint64_t began;
  int fd; // -1: it has ended
};

struct failure {
  uint64_t began, ended;
  int reason;
};

static struct attempt attempts[capacity];
static uint64_t oldest, newest; // numbers of attempts; the place is the number modulo the capacity
static struct failure failures[most_failures];
static struct sockaddr_in targets[most_targets];
static uint64_t failed, answered, times[buckets], answers[256];
static int target_count, in_flight, poll_fd;

static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * second + time.tv_nsec;
}

static uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

static int bucket_of(uint64_t time) {
  if (time < 1 << fine) return time;
  int shift = 63 - __builtin_clzll(time) - fine;
  return ((shift + 1) << fine) + (int)((time >> shift) - (1 << fine));
}

/* The least time that belongs into the bucket. */
static uint64_t bucket_begin(int bucket) {
  int shift = (bucket >> fine) - 1;
  return shift < 0 ? (uint64_t)bucket : (uint64_t)((bucket & ((1 << fine) - 1)) + (1 << fine)) << shift;
}

static void end(struct attempt *attempt, int reason) {
  uint64_t ended = now();
  if (reason == 0) {
    answered++;
    times[bucket_of(ended - attempt->began)]++;
  } else {
    if (failed < most_failures) failures[failed] = (struct failure){attempt->began, ended, reason};
    failed++;
  }
  close(attempt->fd);
  attempt->fd = -1;
  in_flight--;
}

/* Closing resets the connection, so that it leaves nothing that would have to time out. */
static void begin(void) {
  if (newest - oldest == capacity) errx(1, "too many connections wait for an answer");
  struct attempt *attempt = &attempts[newest % capacity];
  struct sockaddr_in *target = &targets[newest % target_count];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) < 0) err(1, "setsockopt");
  *attempt = (struct attempt){now(), fd};
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = newest};
  newest++;
  in_flight++;
  if (connect(fd, (struct sockaddr *)target, sizeof *target) < 0 && errno != EINPROGRESS) end(attempt, errno);
  else if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) err(1, "epoll_ctl");
}

static void hear(struct attempt *attempt) {
  unsigned char octet;
  if (attempt->fd < 0) return;
  ssize_t length = recv(attempt->fd, &octet, 1, 0);
  if (length == 1) answers[octet]++;
  // A server that closes without a word has not answered.
  end(attempt, length == 1 ? 0 : length == 0 ? ENODATA : errno);
}

/* Waits until something is heard, or until then. */
static void hear_until(uint64_t then) {
  struct epoll_event events[64];
  uint64_t time = now(), rest = then > time ? then - time : 0;
  struct timespec limit = {rest / second, rest % second};
  int count = epoll_pwait2(poll_fd, events, 64, &limit, NULL);
  if (count < 0 && errno != EINTR) err(1, "epoll_pwait2");
  for (int each = 0; each < count; each++) hear(&attempts[events[each].data.u64 % capacity]);
  for (time = now(); oldest < newest; oldest++) {
    struct attempt *attempt = &attempts[oldest % capacity];
    if (attempt->fd < 0) continue;
    if (attempt->began + patience > time) break;
    end(attempt, ETIMEDOUT);
  }
}

static void keep_going(int number, uint64_t until) {
  while (now() < until) {
    while (in_flight < number) begin();
    hear_until(until);
  }
}

static void begin_steadily(int rate, uint64_t from, uint64_t until) {
  for (uint64_t count = 0, next = from; next < until; next = from + ++count * second / rate) {
    while (now() < next) hear_until(next);
    begin();
  }
  while (in_flight > 0) hear_until(now() + patience);
}

static void read_targets(char *list) {
  for (char *text = strtok(list, ","); text; text = strtok(NULL, ",")) {
    char *colon = strchr(text, ':');
    if (!colon || target_count == most_targets) errx(2, "no target: %s", text);
    *colon = 0;
    struct sockaddr_in *target = &targets[target_count++];
    *target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    if (inet_pton(AF_INET, text, &target->sin_addr) != 1) errx(2, "no address: %s", text);
  }
}

/* `processor` is the processor time that it took. Of times [from, how many], of answers [octet, how many], of failures [began, ended, why]. */
static void print_result(uint64_t began, uint64_t ended) {
  printf("{\"began\":%" PRIu64 ",\"ended\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"failed\":%" PRIu64 ",", began, ended, answered, failed);
  printf("\"processor\":%" PRIu64 ",\"times\":[", read_clock(CLOCK_PROCESS_CPUTIME_ID));
  const char *comma = "";
  for (int each = 0; each < buckets; each++)
    if (times[each]) comma = (printf("%s[%" PRIu64 ",%" PRIu64 "]", comma, bucket_begin(each), times[each]), ",");
  printf("],\"answers\":[");
  comma = "";
  for (int each = 0; each < 256; each++)
    if (answers[each]) comma = (printf("%s[\"%c\",%" PRIu64 "]", comma, each, answers[each]), ",");
  printf("],\"failures\":[");
  comma = "";
  for (uint64_t each = 0; each < failed && each < most_failures; each++)
    comma = (printf("%s[%" PRIu64 ",%" PRIu64 ",\"%s\"]", comma, failures[each].began, failures[each].ended, strerrorname_np(failures[each].reason)), ",");
  puts("]}");
}

int main(int count, char **words) {
  if (count != 5) errx(2, "usage: connect inflight|rate NUMBER ADDRESS:PORT[,ADDRESS:PORT...] SECONDS");
  bool steady = strcmp(words[1], "rate") == 0;
  int number = atoi(words[2]);
  read_targets(words[3]);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0) err(1, "epoll_create1");
  uint64_t began = now(), until = began + (uint64_t)(atof(words[4]) * second);
  if (number < 1 || until <= began) errx(2, "nothing is to be done");
  if (steady) begin_steadily(number, began, until);
  else keep_going(number, until);
  print_result(began, now());
}

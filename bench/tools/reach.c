// reach MICROSECONDS: says when a server can first be reached. Reads lines `ADDRESS:PORT OCTET`, answers each with a line: nanoseconds of the monotonic
// clock at the first octet of the first connection that this server answered, who is known by the octet that it says (`?`: whoever it is). As long
// as nobody has, a connection is begun that often, whatever becomes of those before. Questions may be many at once; answers come as
// they are found, each with the number of its question, from 0: `NUMBER NANOSECONDS`. Ends with its input.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
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
  most_questions = 64,  // that wait for an answer
  most_attempts = 1024, // of a question: the oldest is given up for a new one
  line_length = 64,
};
static const uint64_t second = 1000000000, input_mark = UINT64_MAX;

struct question {
  bool open;
  unsigned number;
  unsigned generation; // tells the attempts of this question from those of others that had its place before
  struct sockaddr_in target;
  char octet;
  uint64_t next;       // when the next attempt is to begin
  unsigned begun;
  int attempts[most_attempts];
};

static struct question questions[most_questions];
static int poll_fd;
static uint64_t pause_time;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second + time.tv_nsec;
}

/* Closing resets the connection, so that it leaves nothing that would have to time out. */
static void give_up(struct question *question, int place) {
  if (question->attempts[place] < 0) return;
  close(question->attempts[place]);
  question->attempts[place] = -1;
}

static void attempt(struct question *question) {
  int place = question->begun++ % most_attempts;
  give_up(question, place);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) < 0) err(1, "setsockopt");
  question->attempts[place] = fd;
  if (connect(fd, (struct sockaddr *)&question->target, sizeof question->target) < 0 && errno != EINPROGRESS) return give_up(question, place);
  uint64_t mark = (uint64_t)question->generation << 32 | (uint64_t)(question - questions) << 16 | place;
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.u64 = mark}) < 0) err(1, "epoll_ctl");
}

static void hear(uint64_t mark) {
  struct question *question = &questions[mark >> 16 & 0xffff];
  int place = mark & 0xffff;
  if (!question->open || question->generation != mark >> 32 || question->attempts[place] < 0) return;
  char octet;
  bool answered = recv(question->attempts[place], &octet, 1, 0) == 1 && (question->octet == '?' || question->octet == octet);
  give_up(question, place);
  if (!answered) return;
  printf("%u %" PRIu64 "\n", question->number, now());
  fflush(stdout);
  for (int each = 0; each < most_attempts; each++) give_up(question, each);
  question->open = false;
}

static void ask(char *line, unsigned number) {
  struct question *question = questions;
  while (question->open) if (++question == questions + most_questions) errx(1, "too many questions wait for an answer");
  char *colon = strchr(line, ':'), *space = strchr(line, ' ');
  if (!colon || !space) errx(2, "no question: %s", line);
  *colon = 0;
  question->target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
  if (inet_pton(AF_INET, line, &question->target.sin_addr) != 1) errx(2, "no address: %s", line);
  question->open = true;
  question->number = number;
  question->generation++;
  question->octet = space[1];
  question->next = now();
  question->begun = 0;
  for (int each = 0; each < most_attempts; each++) question->attempts[each] = -1;
}

/* False at the end. */
static bool read_questions(void) {
  static char text[line_length];
  static size_t length;
  static unsigned number;
  for (;;) {
    ssize_t count = read(0, text + length, 1);
    if (count == 0) return false;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count < 0) err(1, "read");
    if (text[length] == '\n') {
      text[length] = 0;
      length = 0;
      ask(text, number++);
    } else if (++length == line_length) errx(2, "the line is too long");
  }
}

/* Begins what is due. When the next one is. */
static uint64_t attempt_due(void) {
  uint64_t next = UINT64_MAX;
  for (struct question *question = questions; question < questions + most_questions; question++) {
    if (!question->open) continue;
    uint64_t time = now();
    if (question->next <= time) {
      attempt(question);
      // Who comes late does not make up for it.
      question->next = time + pause_time;
    }
    if (question->next < next) next = question->next;
  }
  return next;
}

int main(int count, char **words) {
  if (count != 2 || atoi(words[1]) < 1) errx(2, "usage: reach MICROSECONDS");
  pause_time = atoi(words[1]) * UINT64_C(1000);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0) err(1, "epoll_create1");
  if (fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK) < 0) err(1, "fcntl");
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.u64 = input_mark}) < 0) err(1, "epoll_ctl");
  puts("ready");
  fflush(stdout);
  for (;;) {
    uint64_t next = attempt_due(), time = now(), rest = next > time ? next - time : 0;
    struct timespec limit = {rest / second, rest % second};
    struct epoll_event events[64];
    int heard = epoll_pwait2(poll_fd, events, 64, next == UINT64_MAX ? NULL : &limit, NULL);
    if (heard < 0 && errno != EINTR) err(1, "epoll_pwait2");
    for (int each = 0; each < heard; each++) {
      if (events[each].data.u64 != input_mark) hear(events[each].data.u64);
      else if (!read_questions()) return 0;
    }
  }
}

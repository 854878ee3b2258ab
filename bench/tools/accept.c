// accept PORT OCTET: takes connections, says the octet on each and closes it, until it is ended. Prints `listening` when it does.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listening_socket(unsigned short port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0) err(1, "setsockopt");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) err(1, "bind");
  if (listen(fd, 4096) < 0) err(1, "listen");
  return fd;
}

int main(int count, char **words) {
  if (count != 3) errx(2, "usage: accept PORT OCTET");
  int fd = listening_socket(atoi(words[1]));
  puts("listening");
  fflush(stdout);
  for (;;) {
    int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
      // The client may have reset it already, which is nobody's fault.
      if (errno != ECONNABORTED && errno != EINTR) err(1, "accept");
      continue;
    }
    send(connection, words[2], 1, MSG_NOSIGNAL);
    close(connection);
  }
}

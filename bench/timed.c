/* Runs a command and tells, as one JSON line on descriptor 3, what the system counted for it.
   Usage: timed COMMAND [ARG ...] */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pid_t child = fork();
  if (child == 0) {
    close(3);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  struct rusage usage;
  wait4(child, &status, 0, &usage);
  clock_gettime(CLOCK_MONOTONIC, &to);
  dprintf(3, "{\"wallMs\":%.3f,\"cpuMs\":%.3f,\"peakMiB\":%.1f,\"exitCode\":%d}\n",
          (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6,
          (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * 1e3, (double)usage.ru_maxrss / 1024,
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}

/*
 * Preloaded into a process, it keeps an account of what that process wrote to the files below
 * QUIPU_CUT_FOLDER and had not synced yet, in the file QUIPU_CUT_LOG, so that power-cut.ts can take it
 * back as a loss of power would. Records are written before the change they speak of.
 *
 * A record: kind ('W' write, 'T' truncate, 'S' synced), inode, offset, length, size of the file before,
 * length of the old bytes, the old bytes. 64-bit little-endian numbers but for the kind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char *folder;

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off64_t);

static void prepare(void) {
  if (real_pwrite) return;
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  folder = getenv("QUIPU_CUT_FOLDER");
  const char *path = getenv("QUIPU_CUT_LOG");
  if (path) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
}

static int watched(int fd, struct stat64 *info) {
  char link[64], path[PATH_MAX];
  prepare();
  if (!folder || log_fd < 0 || fd == log_fd) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0 && fstat64(fd, info) == 0 && S_ISREG(info->st_mode);
}

static void note(char kind, const struct stat64 *info, uint64_t offset, uint64_t length, const void *old,
                 uint64_t old_length) {
  uint64_t numbers[5] = {info->st_ino, offset, length, (uint64_t)info->st_size, old_length};
  struct iovec parts[3] = {{&kind, 1}, {numbers, sizeof numbers}, {(void *)old, old_length}};
  if (writev(log_fd, parts, 3) < 0) abort();
}

/* Notes what the range held before. */
static void note_old(char kind, int fd, const struct stat64 *info, uint64_t offset, uint64_t length,
                     uint64_t old_end) {
  uint64_t size = (uint64_t)info->st_size;
  uint64_t end = old_end < size ? old_end : size;
  uint64_t old_length = end > offset ? end - offset : 0;
  char *old = malloc(old_length + 1);
  if (!old || pread64(fd, old, old_length, (off64_t)offset) != (ssize_t)old_length) abort();
  note(kind, info, offset, length, old, old_length);
  free(old);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  struct stat64 info;
  if (!watched(fd, &info)) return real_pwrite(fd, bytes, length, offset);
  pthread_mutex_lock(&lock);
  note_old('W', fd, &info, (uint64_t)offset, length, (uint64_t)offset + length);
  ssize_t written = real_pwrite(fd, bytes, length, offset);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}

int ftruncate64(int fd, off64_t length) {
  struct stat64 info;
  if (!watched(fd, &info)) return real_ftruncate(fd, length);
  pthread_mutex_lock(&lock);
  note_old('T', fd, &info, (uint64_t)length, 0, UINT64_MAX);
  int result = real_ftruncate(fd, length);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synced(int fd, int (**sync)(int)) {
  struct stat64 info;
  if (!watched(fd, &info)) return (*sync)(fd);
  pthread_mutex_lock(&lock);
  int result = (*sync)(fd);
  if (result == 0) note('S', &info, 0, 0, "", 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) {
  prepare();
  return synced(fd, &real_fsync);
}

int fdatasync(int fd) {
  prepare();
  return synced(fd, &real_fdatasync);
}

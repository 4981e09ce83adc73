/* The floor: the least that reading, formatting and writing all rows of a log table can cost with SQLite's C
   interface. Prints the same bytes as `codex-logs query --json` and `codex-logs query` into a pipe.
   Usage: floor json|text|count FILE [SQL condition] */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "sqlite3.h"

#define CAPACITY (1 << 20)
static char *buffer;
static size_t used;

static void flush_all(void) {
  size_t done = 0;
  while (done < used) {
    ssize_t n = write(1, buffer + done, used - done);
    if (n < 0) exit(0);
    done += (size_t)n;
  }
  used = 0;
}

static inline void need(size_t size) {
  if (used + size <= CAPACITY) return;
  flush_all();
  if (size > CAPACITY) {
    fprintf(stderr, "floor: a value of %zu bytes\n", size);
    exit(1);
  }
}

static inline void put(const char *text, size_t size) {
  need(size);
  memcpy(buffer + used, text, size);
  used += size;
}
#define PUT(literal) put(literal, sizeof(literal) - 1)

static void put_int(sqlite3_int64 value) {
  char digits[24];
  int at = 24, negative = value < 0;
  unsigned long long rest = negative ? 0ULL - (unsigned long long)value : (unsigned long long)value;
  do digits[--at] = (char)('0' + rest % 10); while (rest /= 10);
  if (negative) digits[--at] = '-';
  put(digits + at, (size_t)(24 - at));
}

/* 0: as it is; 1: escaped */
static unsigned char json_special[256], line_special[256];

static void put_json(const unsigned char *text, int size) {
  if (!text) { PUT("null"); return; }
  need((size_t)size * 6 + 2);
  char *out = buffer + used;
  *out++ = '"';
  int start = 0;
  for (int i = 0; i < size; i++) {
    unsigned char c = text[i];
    if (!json_special[c]) continue;
    memcpy(out, text + start, (size_t)(i - start));
    out += i - start;
    start = i + 1;
    *out++ = '\\';
    switch (c) {
      case '"': *out++ = '"'; break;
      case '\\': *out++ = '\\'; break;
      case '\b': *out++ = 'b'; break;
      case '\f': *out++ = 'f'; break;
      case '\n': *out++ = 'n'; break;
      case '\r': *out++ = 'r'; break;
      case '\t': *out++ = 't'; break;
      default: out += sprintf(out, "u%04x", c);
    }
  }
  memcpy(out, text + start, (size_t)(size - start));
  out += size - start;
  *out++ = '"';
  used = (size_t)(out - buffer);
}

static void put_line(const unsigned char *text, int size) {
  need((size_t)size * 4);
  char *out = buffer + used;
  int start = 0;
  for (int i = 0; i < size; i++) {
    unsigned char c = text[i];
    if (!line_special[c]) continue;
    if (c == 0xc2 && !(i + 1 < size && text[i + 1] < 0xa0)) continue;
    memcpy(out, text + start, (size_t)(i - start));
    out += i - start;
    if (c == '\n') { *out++ = '\\'; *out++ = 'n'; }
    else if (c == '\r') { *out++ = '\\'; *out++ = 'r'; }
    else if (c == 0xc2) out += sprintf(out, "\\x%02x", text[++i]);
    else out += sprintf(out, "\\x%02x", c);
    start = i + 1;
  }
  memcpy(out, text + start, (size_t)(size - start));
  used = (size_t)(out + (size - start) - buffer);
}

static void put_time(sqlite3_int64 seconds, int nanos, int digits) {
  static sqlite3_int64 last = -1;
  static char date[24];
  if (seconds != last) {
    time_t at = (time_t)seconds;
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S.", &parts);
    last = seconds;
  }
  put(date, 20);
  char fraction[10];
  for (int i = 8; i >= 0; i--) { fraction[i] = (char)('0' + nanos % 10); nanos /= 10; }
  put(fraction, (size_t)digits);
  PUT("Z");
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int is_json = !strcmp(argv[1], "json"), is_count = !strcmp(argv[1], "count");
  buffer = malloc(CAPACITY);
  for (int c = 0; c < 0x20; c++) json_special[c] = 1;
  json_special['"'] = json_special['\\'] = 1;
  line_special[0] = line_special['\b'] = line_special['\n'] = line_special['\r'] = line_special[0x1b] = 1;
  line_special[0xc2] = 1;
  sqlite3 *db;
  if (sqlite3_open_v2(argv[2], &db, SQLITE_OPEN_READONLY, 0)) return 3;
  /* Newest layout first; older ones lack a column or name it otherwise. */
  const char *layouts[] = {"feedback_log_body, thread_id, process_uuid", "message, thread_id, process_uuid",
    "message, thread_id, NULL"};
  char sql[4096];
  sqlite3_stmt *statement = 0;
  for (int i = 0; i < 3 && !statement; i++) {
    snprintf(sql, sizeof sql, "SELECT %s%s%s FROM logs%s%s%s",
      is_count ? "count(*)" : "id, ts, ts_nanos, level, target, ", is_count ? "" : layouts[i],
      is_count ? "" : ", module_path, file, line", argc > 3 ? " WHERE " : "", argc > 3 ? argv[3] : "",
      is_count ? "" : " ORDER BY id");
    sqlite3_prepare_v2(db, sql, -1, &statement, 0);
  }
  if (!statement) { fprintf(stderr, "%s\n", sqlite3_errmsg(db)); return 3; }
#define TEXT(i) sqlite3_column_text(statement, i), sqlite3_column_bytes(statement, i)
  while (sqlite3_step(statement) == SQLITE_ROW) {
    if (is_count) { put_int(sqlite3_column_int64(statement, 0)); PUT("\n"); continue; }
    sqlite3_int64 seconds = sqlite3_column_int64(statement, 1);
    int nanos = sqlite3_column_int(statement, 2);
    if (is_json) {
      PUT("{\"id\":"); put_int(sqlite3_column_int64(statement, 0));
      PUT(",\"time\":\""); put_time(seconds, nanos, 9);
      PUT("\",\"ts\":"); put_int(seconds);
      PUT(",\"ts_nanos\":"); put_int(nanos);
      PUT(",\"level\":"); put_json(TEXT(3));
      PUT(",\"target\":"); put_json(TEXT(4));
      PUT(",\"body\":"); put_json(TEXT(5));
      PUT(",\"thread_id\":"); put_json(TEXT(6));
      PUT(",\"process_uuid\":"); put_json(TEXT(7));
      PUT(",\"module_path\":"); put_json(TEXT(8));
      PUT(",\"file\":"); put_json(TEXT(9));
      PUT(",\"line\":");
      if (sqlite3_column_type(statement, 10) == SQLITE_NULL) PUT("null");
      else put_int(sqlite3_column_int64(statement, 10));
      PUT("}\n");
    } else {
      put_time(seconds, nanos, 3);
      PUT(" ");
      int size = sqlite3_column_bytes(statement, 3);
      put_line(TEXT(3));
      if (size < 5) put("     ", (size_t)(5 - size));
      PUT(" [");
      if (sqlite3_column_type(statement, 6) == SQLITE_NULL) PUT("-");
      else put_line(TEXT(6));
      PUT("] ");
      put_line(TEXT(4));
      PUT(" - ");
      put_line(TEXT(5));
      PUT("\n");
    }
  }
  flush_all();
  return 0;
}

/* The three payloads are freestanding: with a libc, its start-up would be most of what they cost. */
#pragma once

#if defined(__x86_64__)
enum { CALL_WRITE = 1, CALL_PAUSE = 34, CALL_EXIT = 60 };

static inline long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { CALL_WRITE = 64, CALL_PAUSE = 73 /* ppoll(NULL, 0, NULL) */, CALL_EXIT = 93 };

static inline long system_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = 0;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "bench payloads exist for x86-64 and arm64"
#endif

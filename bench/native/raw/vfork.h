/* clone3 as vfork: the child borrows memory and stack until it execs, which spares copying page tables (some 50 us).
 * The child must never return from `child`, and must not call libc functions that signal other threads (setresuid & co.). */
#pragma once
#include <linux/sched.h>
#include <stddef.h>
#include <sys/syscall.h>

__attribute__((noinline)) static long clone3_vfork(struct clone_args *args, void (*child)(void *), void *argument) {
  long result;
#if defined(__x86_64__)
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_clone3), "D"(args), "S"(sizeof *args)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = (long)args;
  register long x1 __asm__("x1") = sizeof *args;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  result = x0;
#else
#error "the raw reference exists for x86-64 and arm64"
#endif
  if (result == 0) {
    child(argument);
    __builtin_trap();
  }
  return result;
}

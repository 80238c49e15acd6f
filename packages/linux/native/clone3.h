/*
 * clone3(2) for a child that shares the caller's memory until it execs or exits
 * (CLONE_VM | CLONE_VFORK). Depends on kernel headers only, so that any C program may include it.
 *
 * libc has no wrapper: the child must not return into the caller's frame, so it needs a stack of its
 * own and the switch to it cannot be written in C.
 */
#ifndef HATCHERY_CLONE3_H
#define HATCHERY_CLONE3_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* Enough for a chain of raw system calls; not for printf and friends. */
#define HATCHERY_CLONE3_STACK_BYTES 32768

/*
 * Starts fn(arg) in a child and waits until the child has called execve or exited. The child exits
 * with what fn returns. args->flags must hold CLONE_VM | CLONE_VFORK; args->stack is filled in here.
 *
 * Returns the child's pid, or a negative errno (errno itself is left alone).
 *
 * fn runs on the memory and the thread-local storage of the calling thread while every other thread
 * goes on: only async-signal-safe calls, no allocation, no locks.
 */
__attribute__((noinline, unused)) static long hatchery_clone3_vm(struct clone_args *args, size_t size,
                                                                int (*fn)(void *), void *arg) {
  /* The caller's own frame can hold the child's stack: CLONE_VFORK keeps the caller in the kernel
     for as long as the child uses it, also when a signal arrives. */
  __attribute__((aligned(16))) unsigned char stack[HATCHERY_CLONE3_STACK_BYTES];
  if ((args->flags & (CLONE_VM | CLONE_VFORK)) != (CLONE_VM | CLONE_VFORK)) return -EINVAL;
  args->stack = (uint64_t)(uintptr_t)stack;
  args->stack_size = sizeof stack;

#if defined(__x86_64__)
  register long result __asm__("rax") = __NR_clone3;
  register struct clone_args *first __asm__("rdi") = args;
  register size_t second __asm__("rsi") = size;
  register int (*entry)(void *) __asm__("r12") = fn;
  register void *entry_arg __asm__("r13") = arg;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t" /* ends the chain of frames for debuggers and unwinders */
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "+r"(result)
      : "r"(first), "r"(second), "r"(entry), "r"(entry_arg), [exit] "i"(__NR_exit)
      : "rcx", "r11", "cc", "memory");
  return result;
#elif defined(__aarch64__)
  register long number __asm__("x8") = __NR_clone3;
  register long result __asm__("x0") = (long)args;
  register size_t second __asm__("x1") = size;
  register int (*entry)(void *) __asm__("x19") = fn;
  register void *entry_arg __asm__("x20") = arg;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "mov x8, %[exit]\n\t"
      "svc #0\n\t"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(number), "r"(second), "r"(entry), "r"(entry_arg), [exit] "i"(__NR_exit)
      : "cc", "memory");
  return result;
#else
#error "hatchery_clone3_vm: x86-64 and arm64 only"
#endif
}

#endif

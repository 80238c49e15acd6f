/* Namespaces made ahead (lean). A network namespace is used once; a user namespace with its id range is leased and comes back. */
#pragma once
#include <pthread.h>

#include "failure.h"
#include "stage.h"

enum { STOCK_LARGEST = 256, FIRST_ID = 1000000000, IDS_EACH = 65536 };

struct user_slot {
  int user_namespace; /* owned */
  int lower;          /* owned; detached clone of the payload root, shifted into this range */
};

struct stock {
  pthread_mutex_t lock;
  struct user_slot users[STOCK_LARGEST];
  int free_users[STOCK_LARGEST], free_user_count, user_count;
  int networks[STOCK_LARGEST], network_count; /* owned */
};

void stock_open(struct stock *stock);
int stock_fill(struct stock *stock, const struct stage *stage, int users, int networks, struct report *report);
/* Slot number; ENOBUFS when the stock was not filled far enough. */
int stock_lease_user(struct stock *stock, struct report *report);
void stock_return_user(struct stock *stock, int slot);
/* The caller owns the fd. */
int stock_take_network(struct stock *stock, struct report *report);
/* In the namespace of the caller. */
int raise_loopback(struct report *report);
/* Of `pid`, written by the parent. */
int write_id_maps(int pid, int slot, struct report *report);

/*
 * The exit of one execution: how it becomes known, and how it is published once, last and true, while the sandbox is
 * being destroyed, the connection to init breaks, init hangs or dies, and the runner is killed and replaced.
 *
 * README.md beside this file says what is left out, which code is meant and how to run it. `atomic` is one turn of an
 * event loop or one act of the kernel. What is set without need is set to have fewer states.
 */
#define OWN 2 /* bytes that the child writes at most; a read takes one */
#define ROOM 2 /* bytes in a full pipe */
#define TROUBLES 2 /* in one run */

/* -DMUTATE=... takes one precaution away; each of these must be found. */
#define NO_CLAIM 1         /* two parties publish */
#define NO_TARGET 2        /* the exit does not wait for what is in the pipe */
#define LOST_UNCONFIRMED 3 /* a broken connection is taken for an end */
#define FORCED_EARLY 4     /* a kill is taken for a death */
#define END_UNREAD 5       /* init's last words are not read before a reason is made up */
#define FORGET_EARLY 6     /* init forgets an exit that nobody has acknowledged */
#define TELL_ONCE 7        /* an exit told once is not told again on a new connection */
#define ACK_ONCE 8         /* an exit told again is not acknowledged again */
#define NO_EPOCH 9         /* an older runner is welcome */
#ifndef MUTATE
#define MUTATE 0
#endif

mtype:message = { WELCOME, EXIT, END }; /* END: end of file, behind whatever was sent before */
mtype:entry = { RUNS, ENDED, FORGOTTEN };
mtype:peer = { NOBODY, RUNNER, OLDER };
mtype:link = { DOWN, CALLING, UP, GONE }; /* GONE: init is dead, and what it told is read */
mtype:state = { RUNNING, KILLING, DONE };

/* The kernel's part. */
chan pipe = [ROOM] of { bit }; /* 1: a byte that the child itself wrote */
chan toRunner = [3] of { mtype:message };
chan listener = [3] of { mtype:peer }; /* init.sock: who says hello */
bool ackSent; /* lies in the socket of init's client */
bool killed; /* cgroup.kill was written: init will die, some time */
bool hung, acted, initExits, childDead, allDead;

/* Init's part: its table of executions, whom it serves, and whether that one has been told. */
mtype:entry entry = RUNS;
mtype:peer client = RUNNER;
bool told;
bit epoch; /* of the newest that it has served */

/* The runner's part. All of it, and nothing else, is gone when the runner is killed. */
mtype:link link = UP;
mtype:state state = RUNNING;
bool known = true, claimed, natural, queued, published;

bit runnerEpoch; /* 1: there is a second runner */
bool exitSent; /* only for the checks: the runner has been told, or will be when it reads its socket */

inline hangUp() {
  if :: client == RUNNER -> toRunner!END :: else fi;
  client = NOBODY; ackSent = false
}

inline endInit() {
  initExits = true; hung = false; told = false; epoch = 0; acted = true;
  do :: listener?RUNNER -> toRunner!END :: listener?OLDER :: empty(listener) -> break od;
  hangUp()
}

/* A dying PID 1 closes its sockets first, and is dead when nobody is left in its pid namespace. */
active proctype Kernel() {
  if
  :: atomic { killed && !initExits -> endInit() }
  :: initExits
  fi;
  atomic { childDead = true; allDead = true }
}

active proctype Init() {
  mtype:peer caller;
  do
  :: atomic { !initExits && !hung && childDead && entry == RUNS -> entry = ENDED }
  :: atomic { !initExits && !hung && entry == ENDED && client != NOBODY && !told ->
       told = true; entry = (MUTATE == FORGET_EARLY -> FORGOTTEN : ENDED);
       if
       :: client == RUNNER -> toRunner!EXIT; exitSent = true
       :: client == OLDER
       :: client == OLDER -> ackSent = true /* its last act, or it lives on */
       fi }
  :: atomic { !initExits && !hung && ackSent -> ackSent = false; entry = FORGOTTEN }
  :: atomic { !initExits && !hung && nempty(listener) -> listener?caller;
       if
       :: caller == OLDER && epoch == 1 && MUTATE != NO_EPOCH /* refused */
       :: else ->
#if MUTATE == NO_EPOCH
          hangUp(); /* otherwise nobody comes while the runner is connected */
#endif
          ackSent = false; client = caller; told = (told && MUTATE == TELL_ONCE);
          if :: caller == RUNNER -> toRunner!WELCOME; epoch = runnerEpoch :: else fi
       fi;
       caller = NOBODY }
  od
}

inline take() { pipe?taken; assert(!(taken && published)); taken = 0 }

/* The child is dead: of those who learn of it the first one claims the exit. */
inline ended(byItself) {
  if
  :: known && (!claimed || MUTATE == NO_CLAIM) -> claimed = true; natural = byItself; queued = true
  :: else
  fi
}

inline publish() {
  queued = false;
  assert(!published);
  assert(!pipe??[1]); /* behind the last byte of the child, whoever else holds the pipe */
  assert(natural || allDead); /* an end is not made up while anybody may still run */
  assert(natural || !exitSent); /* nor when the true one was told */
  published = true; natural = false; exitSent = false
}

/* Each option is a turn of its event loop. */
active proctype Runner() {
  bit taken; byte pending;
  do
  :: atomic { known && nempty(pipe) -> take() }

  /* Each telling is acknowledged: the last acknowledgement may have been lost with its connection. */
  :: atomic { toRunner?[EXIT] -> toRunner?EXIT;
       ackSent = (client == RUNNER && !(claimed && MUTATE == ACK_ONCE)); ended(true) }
  :: atomic { toRunner?[WELCOME] -> toRunner?WELCOME; link = UP; known = known || entry != FORGOTTEN }
  :: atomic { toRunner?[END] -> toRunner?END; link = (state == RUNNING -> DOWN : GONE);
#if MUTATE == LOST_UNCONFIRMED
       ended(false)
#endif
     }

  /* A broken connection is no exit; an init that does not answer in time is ended. */
  :: atomic { link == DOWN && !initExits -> listener!RUNNER; link = CALLING }
  :: atomic { link == CALLING && !initExits -> endInit() }
  :: atomic { link == DOWN && allDead -> link = GONE;
       if :: state == RUNNING -> killed = true; state = KILLING /* `lost` */ :: else fi }

  /* The end of a teardown: death is confirmed, what init still told is read, and the rest of the pipe is taken. */
  :: atomic { state == KILLING && (allDead || MUTATE == FORCED_EARLY) && (link == GONE || MUTATE == END_UNREAD) ->
       do :: known && nempty(pipe) -> take() :: !known || empty(pipe) -> break od;
       ended(false); state = DONE }

  /* The drain counts first what is pending (FIONREAD): a holder that writes for ever delays nothing. */
  :: queued -> pending = (MUTATE == NO_TARGET -> 0 : len(pipe));
     do
     :: atomic { queued && pending > 0 && nempty(pipe) -> take(); pending-- }
     :: !queued || pending == 0 || empty(pipe) -> break
     od;
     pending = 0;
     atomic { if :: queued -> publish() :: else /* killed meanwhile */ fi }
  /* What a close finds queued behind the teardown is published without a drain. */
  :: atomic { queued && state == DONE -> publish() }
  od
}

/* The next one knows what init will tell it. What the killed one had sent is still in the sockets. */
inline replaceRunner() {
  runnerEpoch = 1; link = DOWN; state = RUNNING;
  known = false; claimed = false; natural = false; queued = false; published = false; exitSent = false;
  do :: toRunner?_ :: empty(toRunner) -> break od;
  if :: client == RUNNER -> client = OLDER :: else fi;
  if :: listener?RUNNER -> listener!OLDER :: empty(listener) fi
}

/* What may happen at any time, or never: programs inside, the host application, bad luck. */
active proctype World() {
  byte own, troubles;
  do
  :: atomic { !childDead && own < OWN && nfull(pipe) -> pipe!1; own++ }
  :: atomic { !childDead -> childDead = true }
  /* A grandchild holds the pipe open for ever. It may write to it or steal from it. */
  :: atomic { !acted && nfull(pipe) -> pipe!0; acted = true }
  :: atomic { !acted && nempty(pipe) -> pipe?_; acted = true }
  /* Destroy or close. */
  :: atomic { state == RUNNING -> killed = true; state = KILLING }

  :: atomic { troubles < TROUBLES && runnerEpoch == 0 -> troubles++; replaceRunner() }
  :: atomic { troubles < TROUBLES && runnerEpoch == 1 && !initExits -> troubles++; listener!OLDER } /* it lives on */
  :: atomic { troubles < TROUBLES && !hung && !initExits -> troubles++; hung = true }
  :: atomic { troubles < TROUBLES && !initExits -> troubles++; endInit() }
  :: atomic { troubles < TROUBLES && client == RUNNER && !initExits -> troubles++;
       if /* the connection breaks, and what was on its way to the runner is lost or still read */
       :: do :: toRunner?_ -> exitSent = false :: empty(toRunner) -> break od
       :: skip
       fi;
       hangUp() }
  :: break
  od
}

#define SETTLED (published || !known)
/* What init cannot tell, since it hangs and nobody asks for an end, is waited for: that is no fault here. */
#define EXIT_DUE (childDead && !SETTLED && !(hung && state == RUNNING))
#define END_DUE (state != RUNNING && !(state == DONE && SETTLED))
#define FORGET_DUE (published && entry == ENDED && link == UP && !hung && !initExits)
ltl ends { [] <> !(EXIT_DUE || END_DUE || FORGET_DUE) } /* no fair run is stuck in one of these for ever */

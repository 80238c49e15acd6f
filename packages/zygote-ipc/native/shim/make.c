#include "make.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "init.h"
#include "netns.h"
#include "ns.h"
#include "sys.h"
#include "userns.h"

/* Open directories and files of one sandbox's cgroups, all for the zygote's short use. */
struct cgroups {
  int sandbox, init, work;
  int tasks[MAX_V1_HIERARCHIES];
};

static void close_cgroups(const struct cgroups *cgroups) {
  cleanup_close_fd(&cgroups->sandbox);
  cleanup_close_fd(&cgroups->init);
  cleanup_close_fd(&cgroups->work);
  for (int i = 0; i < MAX_V1_HIERARCHIES; i++) cleanup_close_fd(&cgroups->tasks[i]);
}

static int make_group(int parent, const char *name, struct fault *fault) {
  if (mkdirat(parent, name, 0755) < 0) return FAIL(fault, "mkdir(cgroup %s)", name);
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) return fd;
  FAIL(fault, "open(cgroup %s)", name);
  (void)unlinkat(parent, name, AT_REMOVEDIR); /* only what was opened is removed later */
  return -1;
}

/* Init clones its executions into `work` from inside a user namespace: the kernel then asks for write access to
   cgroup.procs of the target and of the common ancestor, and of nothing else. */
static int let_init_clone(const struct cgroups *cgroups, uint32_t first_id, struct fault *fault) {
  if (fchownat(cgroups->sandbox, "cgroup.procs", first_id, first_id, AT_SYMLINK_NOFOLLOW) < 0) return FAIL(fault, "chown(<id>/cgroup.procs)");
  if (fchownat(cgroups->work, "cgroup.procs", first_id, first_id, AT_SYMLINK_NOFOLLOW) < 0) return FAIL(fault, "chown(<id>/work/cgroup.procs)");
  return 0;
}

static int make_v1_group(int hierarchy, const char *id, struct fault *fault) {
  cleanup_close int group = make_group(hierarchy, id, fault);
  if (group < 0) return -1;
  int tasks = openat(group, "tasks", O_WRONLY | O_CLOEXEC);
  if (tasks >= 0) return tasks;
  FAIL(fault, "open(v1 cgroup %s/tasks)", id);
  (void)unlinkat(hierarchy, id, AT_REMOVEDIR); /* likewise */
  return -1;
}

static int make_cgroups(const struct hierarchies *hierarchies, const char *id, uint32_t first_id, struct cgroups *cgroups, struct fault *fault) {
  if ((cgroups->sandbox = make_group(hierarchies->unified, id, fault)) < 0) return -1;
  if ((cgroups->init = make_group(cgroups->sandbox, "init", fault)) < 0) return -1;
  if ((cgroups->work = make_group(cgroups->sandbox, "work", fault)) < 0) return -1;
  if (let_init_clone(cgroups, first_id, fault) < 0) return -1;
  for (int i = 0; i < MAX_V1_HIERARCHIES; i++)
    if (hierarchies->v1[i] >= 0 && (cgroups->tasks[i] = make_v1_group(hierarchies->v1[i], id, fault)) < 0) return -1;
  return 0;
}

/* Of what is there; what was never made is missing, which is fine. Nothing has run in any of them. */
static void remove_cgroups(const struct hierarchies *hierarchies, const char *id, const struct cgroups *cgroups) {
  for (int i = 0; i < MAX_V1_HIERARCHIES; i++)
    if (cgroups->tasks[i] >= 0) (void)unlinkat(hierarchies->v1[i], id, AT_REMOVEDIR);
  if (cgroups->sandbox < 0) return;
  (void)unlinkat(cgroups->sandbox, "work", AT_REMOVEDIR);
  (void)unlinkat(cgroups->sandbox, "init", AT_REMOVEDIR);
  (void)unlinkat(hierarchies->unified, id, AT_REMOVEDIR);
}

static int clone_init(struct making *making, const struct cgroups *cgroups, struct made *made, struct fault *fault) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = NS_AT_CLONE | CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
      .pidfd = (uint64_t)(uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)cgroups->init,
  };
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return FAIL(fault, "clone3(CLONE_NEWPID | CLONE_INTO_CGROUP)");
  if (pid == 0) init_run(making);
  *made = (struct made){pid, pidfd};
  return 0;
}

static bool is_boot_id(const struct wire_text *text) {
  if (text->length != 36) return false;
  for (uint32_t i = 0; i < text->length; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text->data[i] != '-' : strchr("0123456789abcdef", text->data[i]) == NULL) return false;
  }
  return true;
}

static int check(const struct wire_make *request, struct fault *fault) {
  if (request->id.length == 0 || strchr(request->id.data, '/') != NULL || request->id.data[0] == '.') return REFUSE(fault, EINVAL, "sandbox id \"%s\"", request->id.data);
  /* The range of host root, and one that wraps, would hand out the host itself. */
  if (request->first_id < IDS_PER_SANDBOX || request->first_id % IDS_PER_SANDBOX != 0 || request->first_id > UINT32_MAX - 2 * IDS_PER_SANDBOX)
    return REFUSE(fault, EINVAL, "first id %u", request->first_id);
  if (request->layers_count == 0 || request->layers_count != request->layer_targets_count || request->layers_count > MAX_LAYERS)
    return REFUSE(fault, EINVAL, "%u layers, %u targets", request->layers_count, request->layer_targets_count);
  if (strcmp(request->layer_targets[0].data, "/") != 0) return REFUSE(fault, EINVAL, "the first layer's target is \"%s\", not /", request->layer_targets[0].data);
  for (uint32_t i = 1; i < request->layers_count; i++)
    if (request->layer_targets[i].length < 2 || request->layer_targets[i].data[0] != '/') return REFUSE(fault, EINVAL, "layer target \"%s\"", request->layer_targets[i].data);
  if (request->root_bytes == 0 || request->root_inodes == 0 || request->shm_bytes == 0) return REFUSE(fault, EINVAL, "a size of 0, which tmpfs takes for unlimited");
  if (!is_boot_id(&request->boot_id)) return REFUSE(fault, EINVAL, "boot id \"%s\"", request->boot_id.data);
  return request->netns < 0 ? 0 : netns_check(request->netns, fault);
}

static struct making describe(const struct wire_make *request, const struct cgroups *cgroups, int userns, int netns, bool layers_by_descriptor, int zygote_socket) {
  struct making making = {
      .first_id = request->first_id,
      .root_bytes = request->root_bytes,
      .root_inodes = request->root_inodes,
      .shm_bytes = request->shm_bytes,
      .boot_id = request->boot_id.data,
      .upper = request->upper,
      .kept_upper = request->upper >= 0,
      .layer_count = request->layers_count,
      .sandbox_directory = request->sandbox_directory,
      .connection = request->connection,
      .userns = userns,
      .netns = netns,
      .zygote_socket = zygote_socket,
      .layers_by_descriptor = layers_by_descriptor,
  };
  for (uint32_t i = 0; i < request->layers_count; i++) {
    making.targets[i] = request->layer_targets[i].data;
    making.layers[i] = request->layers[i];
  }
  memcpy(making.tasks, cgroups->tasks, sizeof making.tasks);
  return making;
}

int make_sandbox(const struct wire_make *request, const struct hierarchies *hierarchies, bool layers_by_descriptor, int zygote_socket, struct made *made,
                 struct fault *fault) {
  struct cgroups cgroups = {.sandbox = -1, .init = -1, .work = -1, .tasks = {-1, -1, -1}};
  int result = check(request, fault), userns = -1;
  if (result < 0) {
    fault_name_step(fault, "check the request");
    return -1;
  }
  if ((userns = userns_for(request->first_id, fault)) < 0) {
    fault_name_step(fault, "make the user namespace");
    return -1;
  }
  result = make_cgroups(hierarchies, request->id.data, request->first_id, &cgroups, fault);
  if (result < 0) fault_name_step(fault, "make the cgroups");
  if (result == 0) {
    /* Used once: the child's is the last descriptor, or nobody's. What came with the request is closed with it. */
    cleanup_close int pooled = request->netns < 0 ? netns_take() : -1;
    struct making making = describe(request, &cgroups, userns, request->netns < 0 ? pooled : request->netns, layers_by_descriptor, zygote_socket);
    result = clone_init(&making, &cgroups, made, fault);
    if (result < 0) fault_name_step(fault, "clone init");
  }
  if (result < 0) remove_cgroups(hierarchies, request->id.data, &cgroups);
  close_cgroups(&cgroups);
  return result;
}

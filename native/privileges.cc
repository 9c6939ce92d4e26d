#include "privileges.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lflow {

Privileges find_privileges() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return {};
  const auto has = [&data](unsigned int capability) {
    return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
  };
  Privileges privileges;
  privileges.net_admin = has(CAP_NET_ADMIN);
  privileges.net_raw = has(CAP_NET_RAW);
  privileges.ipc_lock = has(CAP_IPC_LOCK);
  return privileges;
}

}  // namespace lflow

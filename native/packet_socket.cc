#include "packet_socket.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lflow {

PacketSocket try_packet_socket() {
  PacketSocket result;
  // Protocol 0 receives nothing.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    result.reason = std::generic_category().message(errno);
    return result;
  }
  result.opens = true;
  const int version = TPACKET_V3;
  result.ring = setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) == 0;
  close(fd);
  return result;
}

}  // namespace lflow

// lflow-device: a process that has a device, and answers requests of others on a socket.  Rules die with the process
// that owns a device's ports; those of lflow-device outlive the commands that made them, however these end.
//
//     lflow-device SOCKET OPTIONS
//
// OPTIONS is JSON: {"kind": "emulated", "ports": ["p0", "pf0vf0"], "capabilities": {...}} or {"kind": "dpdk", "eal":
// ["--allow=0000:03:00.0,representor=[0-3]"]}.  "ready" on standard output says that it listens.  Requests and answers
// are JSON, one a line; requests are done one after the other, whoever sends them, and answered in their order.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "service.h"

namespace {

constexpr size_t kMostRequest = 64u << 20;
constexpr size_t kMostClients = 64;

volatile std::sig_atomic_t stopping = 0;

struct Client {
  std::string in;
  std::string out;
  bool closing = false;
};

int complain(const std::string &sentence) {
  std::fprintf(stderr, "lflow-device: %s\n", sentence.c_str());
  return 2;
}

// A socket that listens; -1 where there is none, then `error` says why.
int listen_at(const std::string &path, std::string &error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    error = "the path of a socket has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes";
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto *place = reinterpret_cast<const sockaddr *>(&address);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool taken = probe >= 0 && connect(probe, place, sizeof address) == 0;
  if (probe >= 0) close(probe);
  if (taken) {
    error = "another device listens on " + path;
    return -1;
  }
  struct stat what {};
  if (lstat(path.c_str(), &what) == 0) {
    if (!S_ISSOCK(what.st_mode)) {
      error = path + " is there and is no socket";
      return -1;
    }
    unlink(path.c_str());
  }
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  umask(077);
  if (listener < 0 || bind(listener, place, sizeof address) != 0 || listen(listener, 16) != 0) {
    error = "cannot listen on " + path + ": " + std::strerror(errno);
    if (listener >= 0) close(listener);
    return -1;
  }
  return listener;
}

// Reads what there is and answers whole lines; false where the client has gone.
bool serve(int descriptor, Client &client, lflow::Service &service) {
  char buffer[65536];
  const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
  if (count == 0) return false;
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  client.in.append(buffer, static_cast<size_t>(count));
  size_t begin = 0;
  for (size_t end; (end = client.in.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string error;
    const auto request = lflow::Json::parse(std::string_view(client.in).substr(begin, end - begin), error);
    auto answer = lflow::Json::object();
    if (error.empty()) answer = service.answer(request, descriptor);
    else answer.set("error", "the request is " + error);
    answer.print(client.out);
    client.out.push_back('\n');
  }
  client.in.erase(0, begin);
  return client.in.size() <= kMostRequest;
}

bool flush(int descriptor, Client &client) {
  const ssize_t count = send(descriptor, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  client.out.erase(0, static_cast<size_t>(count));
  return true;
}

void run(int listener, lflow::Service &service) {
  std::map<int, Client> clients;
  while (!stopping) {
    std::vector<pollfd> polled{{listener, static_cast<short>(clients.size() < kMostClients ? POLLIN : 0), 0}};
    for (const auto &[descriptor, client] : clients) {
      // Who does not read his answers is not asked for more.
      polled.push_back({descriptor, static_cast<short>(client.out.empty() ? POLLIN : POLLOUT), 0});
    }
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents & POLLIN) {
      const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (accepted >= 0) clients[accepted];
    }
    for (size_t i = 1; i < polled.size(); i++) {
      const int descriptor = polled[i].fd;
      const auto found = clients.find(descriptor);
      if (found == clients.end() || polled[i].revents == 0) continue;
      bool lives = true;
      if (polled[i].revents & POLLOUT) lives = flush(descriptor, found->second);
      else if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) lives = serve(descriptor, found->second, service);
      if (lives && !found->second.out.empty()) lives = flush(descriptor, found->second);
      if (lives) continue;
      close(descriptor);
      service.leave(descriptor);
      clients.erase(found);
    }
  }
  for (const auto &[descriptor, client] : clients) close(descriptor);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) return complain("usage: lflow-device SOCKET OPTIONS, with OPTIONS as JSON");
  std::string error;
  const auto options = lflow::Json::parse(argv[2], error);
  if (!error.empty()) return complain("OPTIONS are " + error);
  struct sigaction action {};
  action.sa_handler = [](int) { stopping = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const int listener = listen_at(argv[1], error);
  if (listener < 0) return complain(error);
  {
    const auto service = lflow::open_service(options, error);
    if (!service) {
      unlink(argv[1]);
      return complain(error);
    }
    std::printf("ready\n");
    std::fflush(stdout);
    run(listener, *service);
  }
  close(listener);
  unlink(argv[1]);
  return 0;
}

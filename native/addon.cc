// The addon's face to JavaScript: detect(root) gives what this machine has, as
// plain objects (native/machine.ts has their types).

#include <napi.h>

#include <string>
#include <vector>

#include "cpu.h"
#include "huge_pages.h"
#include "libraries.h"
#include "packet_socket.h"
#include "pci.h"
#include "privileges.h"

namespace lflow {

namespace {

template <typename T, typename Convert>
Napi::Array array(Napi::Env env, const std::vector<T> &items, Convert convert) {
  auto result = Napi::Array::New(env, items.size());
  for (uint32_t i = 0; i < items.size(); i++) result.Set(i, convert(items[i]));
  return result;
}

Napi::Array strings(Napi::Env env, const std::vector<std::string> &items) {
  return array(env, items, [env](const std::string &item) { return Napi::String::New(env, item); });
}

// Counts of pages and functions are far below 2^53.
Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Object convert(Napi::Env env, const Cpu &cpu) {
  auto object = Napi::Object::New(env);
  object.Set("architecture", cpu.architecture);
  object.Set("model", cpu.model);
  object.Set("cpus", cpu.cpus);
  object.Set("features", strings(env, cpu.features));
  object.Set("lacking", strings(env, cpu.lacking));
  return object;
}

Napi::Object convert(Napi::Env env, const PacketSocket &socket) {
  auto object = Napi::Object::New(env);
  object.Set("opens", socket.opens);
  object.Set("ring", socket.ring);
  object.Set("reason", socket.reason);
  return object;
}

Napi::Object convert(Napi::Env env, const Privileges &privileges) {
  auto object = Napi::Object::New(env);
  object.Set("netAdmin", privileges.net_admin);
  object.Set("netRaw", privileges.net_raw);
  object.Set("ipcLock", privileges.ipc_lock);
  return object;
}

Napi::Object convert(Napi::Env env, const Library &library) {
  auto object = Napi::Object::New(env);
  object.Set("linked", library.linked);
  object.Set("present", library.present);
  object.Set("version", library.version);
  object.Set("file", library.file);
  object.Set("reason", library.reason);
  return object;
}

Napi::Object convert(Napi::Env env, const HugePages &pages) {
  auto object = Napi::Object::New(env);
  object.Set("kilobytes", number(env, pages.kilobytes));
  object.Set("total", number(env, pages.total));
  object.Set("free", number(env, pages.free));
  return object;
}

Napi::Object convert(Napi::Env env, const HugePageMount &mount) {
  auto object = Napi::Object::New(env);
  object.Set("path", mount.path);
  object.Set("options", mount.options);
  return object;
}

Napi::Object convert(Napi::Env env, const Netdev &netdev) {
  auto object = Napi::Object::New(env);
  object.Set("name", netdev.name);
  object.Set("port", netdev.port);
  object.Set("switchId", netdev.switch_id);
  object.Set("state", netdev.state);
  return object;
}

Napi::Object convert(Napi::Env env, const PciDevice &device) {
  auto object = Napi::Object::New(env);
  object.Set("address", device.address);
  object.Set("device", device.device);
  object.Set("class", device.class_);
  object.Set("driver", device.driver);
  object.Set("physical", device.physical);
  object.Set("numa", device.numa);
  object.Set("vfs", number(env, device.vfs));
  object.Set("maxVfs", number(env, device.max_vfs));
  object.Set("netdevs", array(env, device.netdevs, [env](const Netdev &netdev) { return convert(env, netdev); }));
  return object;
}

// detect(root: string): Machine
Napi::Value detect(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsString()) {
    Napi::TypeError::New(env, "detect takes the folder that stands before /proc and /sys").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const std::string root = info[0].As<Napi::String>();
  const auto item = [env](const auto &value) { return convert(env, value); };
  auto machine = Napi::Object::New(env);
  machine.Set("product", find_product(root));
  machine.Set("cpu", convert(env, find_cpu(root)));
  machine.Set("packetSocket", convert(env, try_packet_socket()));
  machine.Set("privileges", convert(env, find_privileges()));
  machine.Set("dpdk", convert(env, find_dpdk()));
  machine.Set("doca", convert(env, find_doca()));
  machine.Set("hugePages", array(env, find_huge_pages(root), item));
  machine.Set("hugePageMounts", array(env, find_huge_page_mounts(root), item));
  machine.Set("pciDevices", array(env, find_pci_devices(root), item));
  return machine;
}

}  // namespace

}  // namespace lflow

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("detect", Napi::Function::New(env, lflow::detect, "detect"));
  return exports;
}

NODE_API_MODULE(lflow, init)

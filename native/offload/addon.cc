// Devices in this process, for Node.js (native/offload/local.ts has the types):
//
//     open(options: string): {device, opened: Promise}  the options of lflow-device, JSON
//     request(device, request: string): Promise<string> one request and its answer, JSON
//     close(device): Promise<void>                      removes the device's rules and lets go of it
//
// Each device has a thread, on which all that is DPDK's happens, one request after the other: JavaScript never waits.
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "service.h"

namespace lflow {

namespace {

// What a promise is settled with.
struct Result {
  Napi::Promise::Deferred promise;
  bool failed = false;
  std::string text;
};

// A device and its thread.
class Station {
 public:
  explicit Station(Napi::Env env)
      : report_(Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}), "lflow", 0, 1)) {
    report_.Unref(env);
  }
  ~Station() { stop(); }

  void start(std::string options, Napi::Promise::Deferred promise) {
    hold(promise.Env());
    thread_ = std::thread([this, options = std::move(options), promise] { run(options, promise); });
  }

  // False where the device was closed.
  bool ask(std::string text, Napi::Promise::Deferred promise) { return put({std::move(text), promise, false}); }
  bool close(Napi::Promise::Deferred promise) { return put({"", promise, true}); }

  // Lets the thread end when it has done what it was asked for, and waits for that.
  void stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
    if (!thread_.joinable()) return;
    thread_.join();
    report_.Release();
  }

 private:
  struct Job {
    std::string text;
    Napi::Promise::Deferred promise;
    bool last;
  };

  bool put(Job job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (closed_) return false;
      closed_ = job.last;
      hold(job.promise.Env());
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }

  // Node.js does not end while there is an answer to come.
  void hold(Napi::Env env) {
    if (pending_++ == 0) report_.Ref(env);
  }

  void run(const std::string &text, Napi::Promise::Deferred promise) {
    std::string error;
    const Json options = Json::parse(text, error);
    std::unique_ptr<Service> service = error.empty() ? open_service(options, error) : nullptr;
    settle(promise, !service, error);
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (job.last) {
        service.reset();
        settle(job.promise, false, "");
        return;
      }
      answer(service.get(), job);
    }
  }

  void answer(Service *service, const Job &job) {
    if (service == nullptr) return settle(job.promise, true, "the device was not opened");
    std::string error;
    const Json request = Json::parse(job.text, error);
    if (!error.empty()) return settle(job.promise, true, "the request is " + error);
    settle(job.promise, false, service->answer(request).print());
  }

  void settle(Napi::Promise::Deferred promise, bool failed, std::string text) {
    auto *result = new Result{promise, failed, std::move(text)};
    const auto done = report_.BlockingCall(result, [this](Napi::Env env, Napi::Function, Result *settled) {
      if (settled->failed) settled->promise.Reject(Napi::Error::New(env, settled->text).Value());
      else settled->promise.Resolve(Napi::String::New(env, settled->text));
      delete settled;
      if (--pending_ == 0) report_.Unref(env);
    });
    if (done != napi_ok) delete result;  // the environment ends, and nobody waits any more
  }

  Napi::ThreadSafeFunction report_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool closed_ = false;
  unsigned int pending_ = 0;  // of JavaScript's thread
};

std::set<Station *> &stations() {
  static std::set<Station *> all;
  return all;
}

Napi::Value open(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto promise = Napi::Promise::Deferred::New(env);
  if (info.Length() != 1 || !info[0].IsString()) {
    Napi::TypeError::New(env, "open takes the options of a device, JSON").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto *station = new Station(env);
  stations().insert(station);
  auto external = Napi::External<Station>::New(env, station, [](Napi::Env, Station *gone) {
    if (stations().erase(gone) > 0) delete gone;
  });
  station->start(info[0].As<Napi::String>(), promise);
  auto object = Napi::Object::New(env);
  object.Set("device", external);
  object.Set("opened", promise.Promise());
  return object;
}

Station *station_of(const Napi::CallbackInfo &info) {
  if (info.Length() < 1 || !info[0].IsExternal()) return nullptr;
  Station *station = info[0].As<Napi::External<Station>>().Data();
  return stations().count(station) > 0 ? station : nullptr;
}

Napi::Value refuse_closed(Napi::Env env, Napi::Promise::Deferred promise) {
  promise.Reject(Napi::Error::New(env, "the device is closed").Value());
  return promise.Promise();
}

Napi::Value request(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto promise = Napi::Promise::Deferred::New(env);
  Station *station = station_of(info);
  const bool text = info.Length() == 2 && info[1].IsString();
  if (station == nullptr || !text || !station->ask(info[1].As<Napi::String>(), promise)) return refuse_closed(env, promise);
  return promise.Promise();
}

Napi::Value close(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto promise = Napi::Promise::Deferred::New(env);
  Station *station = station_of(info);
  if (station == nullptr || !station->close(promise)) return refuse_closed(env, promise);
  return promise.Promise();
}

}  // namespace

}  // namespace lflow

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, lflow::open, "open"));
  exports.Set("request", Napi::Function::New(env, lflow::request, "request"));
  exports.Set("close", Napi::Function::New(env, lflow::close, "close"));
  // Rules are removed from devices that nobody closed.
  env.AddCleanupHook([] {
    for (auto *station : lflow::stations()) station->stop();
  });
  return exports;
}

NODE_API_MODULE(lflow_offload, init)

#include "conntrack.h"

#include <algorithm>

namespace lflow {

namespace {

constexpr uint8_t kFin = 1;
constexpr uint8_t kSyn = 2;
constexpr uint8_t kRst = 4;
constexpr uint8_t kAck = 16;

struct Segment {
  uint8_t flags = 0;
  uint32_t begin = 0;
  uint32_t end = 0;  // behind the last byte; SYN and FIN count as one
  uint32_t ack = 0;
  uint32_t window = 0;
};

// Whether a comes after b, modulo 2^32.
bool after(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

// Bytes of the segment behind its header, by the length that IP tells.
uint32_t payload(const Packet &packet, const Layer &tcp) {
  const uint8_t *frame = packet.frame.data();
  const size_t header = (frame[tcp.offset + 12U] >> 4) * 4U;
  size_t end = packet.frame.size();
  for (const Layer &layer : packet.layers) {
    if (layer.offset > tcp.offset) break;
    if (layer.header == Header::ipv4) end = layer.offset + size_t{get16(frame + layer.offset + 2)};
    if (layer.header == Header::ipv6) end = layer.offset + 40U + size_t{get16(frame + layer.offset + 4)};
  }
  end = std::min(end, packet.frame.size());
  const size_t begin = tcp.offset + header;
  return end > begin ? static_cast<uint32_t>(end - begin) : 0;
}

Segment segment_of(const Packet &packet, const Layer &tcp) {
  const uint8_t *at = packet.frame.data() + tcp.offset;
  Segment segment;
  segment.flags = at[13];
  segment.begin = get32(at + 4);
  segment.ack = get32(at + 8);
  segment.window = get16(at + 14);
  segment.end = segment.begin + payload(packet, tcp) + ((at[13] & kSyn) != 0) + ((at[13] & kFin) != 0);
  return segment;
}

// The state after a segment; the same where nothing changes.
rte_flow_conntrack_state next_state(const rte_flow_action_conntrack &state, const Segment &segment, bool other_closes) {
  switch (state.state) {
    case RTE_FLOW_CONNTRACK_STATE_SYN_RECV:
      if (segment.flags & kFin) return RTE_FLOW_CONNTRACK_STATE_FIN_WAIT;
      return segment.flags & kAck && !(segment.flags & kSyn) ? RTE_FLOW_CONNTRACK_STATE_ESTABLISHED : state.state;
    case RTE_FLOW_CONNTRACK_STATE_ESTABLISHED:
      return segment.flags & kFin ? RTE_FLOW_CONNTRACK_STATE_FIN_WAIT : state.state;
    case RTE_FLOW_CONNTRACK_STATE_FIN_WAIT:
    case RTE_FLOW_CONNTRACK_STATE_CLOSE_WAIT:
      if (segment.flags & kFin && other_closes) return RTE_FLOW_CONNTRACK_STATE_LAST_ACK;
      return other_closes && segment.flags & kAck ? RTE_FLOW_CONNTRACK_STATE_CLOSE_WAIT : state.state;
    case RTE_FLOW_CONNTRACK_STATE_LAST_ACK:
      return segment.flags & kAck && other_closes && !(segment.flags & kFin) ? RTE_FLOW_CONNTRACK_STATE_TIME_WAIT : state.state;
    default: return state.state;
  }
}

bool in_window(const rte_flow_tcp_dir_param &mine, const rte_flow_tcp_dir_param &other, const Segment &segment) {
  if (mine.reply_end != 0 && after(segment.end, mine.reply_end)) return false;
  return other.sent_end == 0 || !(segment.flags & kAck) || !after(segment.ack, other.sent_end);
}

void learn(rte_flow_action_conntrack &state, rte_flow_tcp_dir_param &mine, rte_flow_tcp_dir_param &other, const Segment &segment, bool reply) {
  const unsigned int scale = mine.scale == 15 || segment.flags & kSyn ? 0 : mine.scale;
  const uint32_t window = segment.window << scale;
  if (mine.sent_end == 0 || after(segment.end, mine.sent_end)) mine.sent_end = segment.end;
  mine.max_win = std::max(mine.max_win, window);
  if (segment.flags & kAck) {
    if (mine.max_ack == 0 || after(segment.ack, mine.max_ack)) mine.max_ack = segment.ack;
    if (other.reply_end == 0 || after(segment.ack + window, other.reply_end)) other.reply_end = segment.ack + window;
    mine.last_ack_seen = 1;
    other.data_unacked = after(other.sent_end, segment.ack);
  }
  if (segment.flags & kFin) mine.close_initiated = 1;
  mine.data_unacked = segment.end != segment.begin ? 1 : mine.data_unacked;
  state.last_window = static_cast<uint16_t>(segment.window);
  state.last_direction = reply ? 0 : 1;
  state.last_seq = segment.begin;
  state.last_ack = segment.ack;
  state.last_end = segment.end;
}

}  // namespace

uint32_t track(Connection &connection, const Packet &packet, bool reply) {
  rte_flow_action_conntrack &state = connection.state;
  if (!state.enable) return RTE_FLOW_CONNTRACK_PKT_STATE_DISABLED;
  const Layer *tcp = packet.find(Header::tcp);
  if (tcp == nullptr) {
    return packet.find(Header::udp) == nullptr ? RTE_FLOW_CONNTRACK_PKT_STATE_BAD : RTE_FLOW_CONNTRACK_PKT_STATE_VALID;
  }
  const Segment segment = segment_of(packet, *tcp);
  if ((segment.flags & kSyn) && (segment.flags & (kFin | kRst))) return RTE_FLOW_CONNTRACK_PKT_STATE_BAD;
  rte_flow_tcp_dir_param &mine = reply ? state.reply_dir : state.original_dir;
  rte_flow_tcp_dir_param &other = reply ? state.original_dir : state.reply_dir;
  const bool handshake = state.state == RTE_FLOW_CONNTRACK_STATE_SYN_RECV;
  const bool closed = state.state == RTE_FLOW_CONNTRACK_STATE_TIME_WAIT;
  if (!state.liberal_mode && (closed || (segment.flags & kSyn && !handshake) || !in_window(mine, other, segment))) {
    return RTE_FLOW_CONNTRACK_PKT_STATE_INVALID;
  }
  const auto next = segment.flags & kRst ? RTE_FLOW_CONNTRACK_STATE_TIME_WAIT : next_state(state, segment, other.close_initiated);
  learn(state, mine, other, segment, reply);
  if (next == state.state) return RTE_FLOW_CONNTRACK_PKT_STATE_VALID;
  state.state = next;
  if (next == RTE_FLOW_CONNTRACK_STATE_ESTABLISHED) state.live_connection = 1;
  return RTE_FLOW_CONNTRACK_PKT_STATE_VALID | RTE_FLOW_CONNTRACK_PKT_STATE_CHANGED;
}

}  // namespace lflow

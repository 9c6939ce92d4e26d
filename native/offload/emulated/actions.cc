#include "actions.h"

#include <cstring>

#include "../fields.h"

namespace lflow {

namespace {

unsigned int bits_of(rte_flow_field_id field) {
  const ModifiableKind *kind = find_modifiable(field);
  return kind == nullptr ? 0 : kind->bits;
}

Wide ones(unsigned int bits) { return bits >= 128 ? ~Wide{0} : (Wide{1} << bits) - 1; }

// The value of an immediate, which lies in memory as the field does.
Wide immediate(const rte_flow_action_modify_data &data, rte_flow_field_id field) {
  const ModifiableKind *kind = find_modifiable(field);
  const unsigned int bytes = kind == nullptr ? 0 : (kind->bits + 7) / 8;
  Wide value = 0;
  for (unsigned int i = 0; i < bytes; i++) value = value << 8 | data.value[kind->host ? bytes - 1 - i : i];
  return value;
}

void modify(const rte_flow_action_modify_field &conf, Packet &packet) {
  const auto before = read_field(packet, conf.dst.field, conf.dst.level);
  if (!before) return;
  const Wide mask = ones(conf.width);
  Wide operand;
  if (conf.src.field == RTE_FLOW_FIELD_VALUE) {
    operand = immediate(conf.src, conf.dst.field) >> conf.dst.offset & mask;
  } else {
    const auto source = read_field(packet, conf.src.field, conf.src.level);
    if (!source) return;
    operand = *source >> conf.src.offset & mask;
  }
  const Wide old = *before >> conf.dst.offset & mask;
  const Wide made = conf.operation == RTE_FLOW_MODIFY_SET   ? operand
                    : conf.operation == RTE_FLOW_MODIFY_ADD ? old + operand
                                                            : old - operand;
  const Wide whole = (*before & ~(mask << conf.dst.offset)) | (made & mask) << conf.dst.offset;
  write_field(packet, conf.dst.field, conf.dst.level, whole & ones(bits_of(conf.dst.field)));
}

Wide number(const uint8_t *bytes, size_t size) {
  Wide value = 0;
  for (size_t i = 0; i < size; i++) value = value << 8 | bytes[i];
  return value;
}

void set_port(Packet &packet, const void *conf, bool source) {
  const Wide port = number(static_cast<const uint8_t *>(conf), 2);
  const bool tcp = packet.find(Header::tcp) != nullptr;
  write_field(packet, source ? (tcp ? RTE_FLOW_FIELD_TCP_PORT_SRC : RTE_FLOW_FIELD_UDP_PORT_SRC)
                             : (tcp ? RTE_FLOW_FIELD_TCP_PORT_DST : RTE_FLOW_FIELD_UDP_PORT_DST), 1, port);
}

void set_ttl(Packet &packet, std::optional<uint8_t> value) {
  const auto field = packet.find(Header::ipv4) != nullptr ? RTE_FLOW_FIELD_IPV4_TTL : RTE_FLOW_FIELD_IPV6_HOPLIMIT;
  const auto old = read_field(packet, field, 1);
  if (old) write_field(packet, field, 1, value ? *value : *old - 1);
}

// The actions that change a packet and nothing else; false if it is another one.
bool change(const rte_flow_action &action, Packet &packet) {
  const auto *conf = static_cast<const uint8_t *>(action.conf);
  const auto set = [&packet, conf](rte_flow_field_id field, size_t bytes) { write_field(packet, field, 1, number(conf, bytes)); };
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_VOID: break;
    case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD: modify(*static_cast<const rte_flow_action_modify_field *>(action.conf), packet); break;
    case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC: set(RTE_FLOW_FIELD_MAC_SRC, 6); break;
    case RTE_FLOW_ACTION_TYPE_SET_MAC_DST: set(RTE_FLOW_FIELD_MAC_DST, 6); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC: set(RTE_FLOW_FIELD_IPV4_SRC, 4); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_DST: set(RTE_FLOW_FIELD_IPV4_DST, 4); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC: set(RTE_FLOW_FIELD_IPV6_SRC, 16); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_DST: set(RTE_FLOW_FIELD_IPV6_DST, 16); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_DSCP: set(RTE_FLOW_FIELD_IPV4_DSCP, 1); break;
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_DSCP: set(RTE_FLOW_FIELD_IPV6_DSCP, 1); break;
    case RTE_FLOW_ACTION_TYPE_SET_TP_SRC: set_port(packet, conf, true); break;
    case RTE_FLOW_ACTION_TYPE_SET_TP_DST: set_port(packet, conf, false); break;
    case RTE_FLOW_ACTION_TYPE_SET_TTL: set_ttl(packet, *conf); break;
    case RTE_FLOW_ACTION_TYPE_DEC_TTL: set_ttl(packet, std::nullopt); break;
    case RTE_FLOW_ACTION_TYPE_MARK: packet.mark = static_cast<const rte_flow_action_mark *>(action.conf)->id; break;
    case RTE_FLOW_ACTION_TYPE_SET_TAG: {
      const auto *tag = static_cast<const rte_flow_action_set_tag *>(action.conf);
      packet.tags[tag->index] = (packet.tags[tag->index] & ~tag->mask) | (tag->data & tag->mask);
      break;
    }
    case RTE_FLOW_ACTION_TYPE_SET_META: {
      const auto *meta = static_cast<const rte_flow_action_set_meta *>(action.conf);
      packet.meta = (packet.meta & ~meta->mask) | (meta->data & meta->mask);
      break;
    }
    case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN: pop_vlan(packet); break;
    case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN: push_vlan(packet, get16(conf)); break;
    case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID: write_field(packet, RTE_FLOW_FIELD_VLAN_ID, 1, number(conf, 2)); break;
    case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP: set_vlan_priority(packet, *conf); break;
    case RTE_FLOW_ACTION_TYPE_RAW_ENCAP: {
      const auto *raw = static_cast<const rte_flow_action_raw_encap *>(action.conf);
      encapsulate(packet, raw->data, raw->size);
      break;
    }
    case RTE_FLOW_ACTION_TYPE_RAW_DECAP: decapsulate(packet, static_cast<const rte_flow_action_raw_decap *>(action.conf)->size); break;
    case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP: {
      const auto header = vxlan_header(static_cast<const rte_flow_action_vxlan_encap *>(action.conf)->definition);
      encapsulate(packet, header.data(), header.size());
      break;
    }
    case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP: decapsulate(packet, 0); break;
    default: return false;
  }
  return true;
}

}  // namespace

std::optional<uint32_t> run_actions(const rte_flow_action *actions, Packet &packet, Surroundings &around, std::vector<Output> &outputs) {
  for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
    if (change(*actions, packet)) continue;
    switch (actions->type) {
      case RTE_FLOW_ACTION_TYPE_COUNT: around.count(packet.frame.size()); break;
      case RTE_FLOW_ACTION_TYPE_METER:
        if (!around.meter(static_cast<const rte_flow_action_meter *>(actions->conf)->mtr_id, packet.frame.size())) return std::nullopt;
        break;
      case RTE_FLOW_ACTION_TYPE_CONNTRACK:
      case RTE_FLOW_ACTION_TYPE_INDIRECT:
        if (Connection *connection = around.connection(*actions)) packet.conntrack = track(*connection, packet, around.reply());
        break;
      case RTE_FLOW_ACTION_TYPE_SAMPLE: {
        const auto *conf = static_cast<const rte_flow_action_sample *>(actions->conf);
        if (!around.sampled(conf->ratio)) break;
        Packet copy = packet;
        run_actions(conf->actions, copy, around, outputs);
        break;
      }
      case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
      case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
        outputs.push_back({actions->type == RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR,
                           static_cast<const rte_flow_action_ethdev *>(actions->conf)->port_id, packet.frame});
        return std::nullopt;
      case RTE_FLOW_ACTION_TYPE_JUMP: return static_cast<const rte_flow_action_jump *>(actions->conf)->group;
      case RTE_FLOW_ACTION_TYPE_DROP: return std::nullopt;
      default: break;
    }
  }
  return std::nullopt;
}

std::vector<uint8_t> vxlan_header(const rte_flow_item *definition) {
  std::vector<uint8_t> header;
  const auto add = [&header](const void *spec, size_t size) {
    const size_t at = header.size();
    header.resize(at + size);
    if (spec != nullptr) std::memcpy(header.data() + at, spec, size);
    return at;
  };
  bool ends = false;
  for (; definition->type != RTE_FLOW_ITEM_TYPE_END; definition++) {
    switch (definition->type) {
      case RTE_FLOW_ITEM_TYPE_ETH: {
        add(definition->spec, 14);
        const bool six = definition[1].type == RTE_FLOW_ITEM_TYPE_IPV6;
        put16(header.data() + header.size() - 2, six ? 0x86dd : 0x0800);
        break;
      }
      case RTE_FLOW_ITEM_TYPE_IPV4: {
        const size_t at = add(definition->spec, 20);
        header[at] = 0x45;
        header[at + 9] = 17;
        if (header[at + 8] == 0) header[at + 8] = 64;
        break;
      }
      case RTE_FLOW_ITEM_TYPE_IPV6: {
        const size_t at = add(definition->spec, 40);
        header[at] = static_cast<uint8_t>((header[at] & 0x0f) | 0x60);
        header[at + 6] = 17;
        if (header[at + 7] == 0) header[at + 7] = 64;
        break;
      }
      case RTE_FLOW_ITEM_TYPE_UDP: {
        const size_t at = add(definition->spec, 8);
        if (get16(header.data() + at + 2) == 0) put16(header.data() + at + 2, 4789);
        break;
      }
      case RTE_FLOW_ITEM_TYPE_VXLAN: {
        header[add(definition->spec, 8)] = 8;
        ends = true;
        break;
      }
      default: return {};
    }
  }
  return ends ? header : std::vector<uint8_t>{};
}

}  // namespace lflow

// The fields of rte_flow's structures, by the names that testpmd gives them: engine/offload/rules.ts has the same list,
// and a test compares the two.
#pragma once

#include <rte_flow.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace lflow {

enum class FieldKind : uint8_t { number, mac, ipv4, ipv6, hex, port, word, items, actions };

const char *name_of(FieldKind kind);

// Where a field is in its structure.  A number is the bits [shift, shift + bits) of an integer of so many bytes; fields
// of kind hex, word, items and actions, which are not in one place, are the codec's.
struct Field {
  const char *name;
  FieldKind kind;
  uint16_t offset;
  uint8_t bytes;
  bool big_endian;
  uint8_t shift;
  uint8_t bits;
};

struct ItemKind {
  const char *name;
  rte_flow_item_type type;
  size_t size;
  std::vector<Field> fields;
};

struct ActionKind {
  const char *name;
  rte_flow_action_type type;
  size_t size;  // 0 where the action has no configuration
  std::vector<Field> fields;
};

// A field that modify_field reads or writes.
struct ModifiableKind {
  const char *name;
  rte_flow_field_id id;
  unsigned int bits;
  bool host;  // a register: its immediate values are in the byte order of the processor, not of the network
};

const std::vector<ItemKind> &item_kinds();
const std::vector<ActionKind> &action_kinds();
const std::vector<ModifiableKind> &modifiable_kinds();

// Null if there is none.
const ItemKind *find_item(std::string_view name);
const ItemKind *find_item(rte_flow_item_type type);
const ActionKind *find_action(std::string_view name);
const ActionKind *find_action(rte_flow_action_type type);
const ModifiableKind *find_modifiable(std::string_view name);
const ModifiableKind *find_modifiable(rte_flow_field_id id);

// Fields of kind number and port.
uint64_t read_number(const Field &field, const void *structure);
void write_number(const Field &field, void *structure, uint64_t value);

// Bytes of a field of kind mac, ipv4 or ipv6.
size_t bytes_in(FieldKind kind);

// The bits of a field that are not 0; whether all are 1.
bool is_zero(const Field &field, const void *structure);
bool is_full(const Field &field, const void *structure);
void fill(const Field &field, void *structure);
unsigned int count_bits(const Field &field, const void *structure);

}  // namespace lflow

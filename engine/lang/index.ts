/**
 * OVN's match and action language: ovn-sb(5), "Logical_Flow table".
 *
 *     const expr = annotate(parseMatch('ip4.src == 10.0.0.0/8 && tcp', env));
 *     evaluate(expr, packet, (port) => residents.has(port));
 *
 * Everything here throws `LangError`, with OVN's words, and nothing else.
 */
export { formatAction, formatActions } from './action-format.ts';
export type { ActionContext } from './action-parser.ts';
export { type FlowActions, parseActions, parseFlowActions } from './actions.ts';
export { formatEthernet, formatIpv4, formatIpv6, parseEthernet, parseIpv4, parseIpv6 } from './addresses.ts';
export { annotate } from './annotate.ts';
export { formatConstant, formatConstantSet, formatHex } from './constants.ts';
export { EMPTY_ENVIRONMENT, type MatchEnvironment } from './environment.ts';
export { LangError } from './errors.ts';
export { formatFieldRef } from './fields.ts';
export { formatMatch } from './format.ts';
export type * from './ir.ts';
export { parseMatch } from './match.ts';
export {
  cloneMicroflow,
  createMicroflow,
  evaluate,
  getBits,
  getString,
  type Microflow,
  parseMicroflow,
  setBits,
  setString,
  wholeField,
} from './microflow.ts';
export { disjuncts, normalize } from './normalize.ts';
export { DHCP_OPTIONS, DHCPV6_OPTIONS } from './options.ts';
export { resolveConditions, simplifiedSize, simplify } from './simplify.ts';
export { findSymbol, type Release, STRING_FIELDS, symbolTable, VALUE_FIELDS } from './symbols.ts';
export { expandTemplates } from './template.ts';

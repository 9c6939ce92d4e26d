/** The public API of `lflow`: the engine and the simulator, for Node.js and for browsers. */

// Captures
export {
  type Capture,
  type CapturedFrame,
  type CaptureFormat,
  type CaptureReader,
  type CaptureWriter,
  captureReader,
  captureWriter,
  readCapture,
  type WrittenFrame,
  writeCapture,
} from './engine/capture/index.ts';
// Frames
export { type FrameOptions, type ParsedFrame, parseFrame, parseHex, withChecksums } from './engine/frame.ts';
// The match and action language
export {
  type Action,
  annotate,
  disjuncts,
  type Expr,
  evaluate,
  formatAction,
  formatActions,
  formatMatch,
  LangError,
  type MatchEnvironment,
  type Microflow,
  normalize,
  parseActions,
  parseMatch,
  parseMicroflow,
  simplify,
} from './engine/lang/index.ts';
// The data plane: a chassis, several of them, and what carries their packets
export {
  type ChassisMacs,
  createFleet,
  createNode,
  type Fleet,
  type FleetMember,
  type FleetOptions,
  type FlowCounters,
  type LearnedState,
  type Node,
  type NodeEvent,
  type NodeOptions,
  type NodePort,
  type NodeStats,
  type Received,
} from './engine/node/index.ts';
export {
  type CacheCounters,
  type Outlet,
  Plane as DataPlane,
  type PlaneOptions as DataPlaneOptions,
  type PortCounters,
  type Punt,
} from './engine/node/plane.ts';
// Northbound to logical flows
export { createNorthd, type NorthboundChange, type Northd } from './engine/northd/incremental.ts';
export {
  type Computation,
  computeSouthbound,
  computeTables,
  formatWarning,
  type NorthdWarning,
  type TableComputation,
} from './engine/northd/index.ts';
export { lflowList } from './engine/northd/lflow-list.ts';
export { formatProblem, InputError, type Origin, type Position, type Problem } from './engine/origin.ts';
// The databases
export { DatabaseError, type DatabaseFile, isDatabaseFile, readDatabase } from './engine/ovsdb/file.ts';
export { nbJson } from './engine/ovsdb/nb-json.ts';
export { nbShow } from './engine/ovsdb/nb-show.ts';
export { nbctlScript } from './engine/ovsdb/nbctl.ts';
export {
  emptyNorthbound,
  insertRow,
  type Northbound,
  type NorthboundRow,
  type NorthboundTable,
} from './engine/ovsdb/northbound.ts';
export { type NorthboundReading, readNorthbound } from './engine/ovsdb/northbound-db.ts';
export type { DatapathBinding, LogicalFlow, PortBinding, Southbound } from './engine/ovsdb/southbound.ts';
export { readSouthbound, type SouthboundReading } from './engine/ovsdb/southbound-db.ts';
export { readSouthboundRows } from './engine/ovsdb/southbound-rows.ts';
export type { SouthboundRow, SouthboundRows, SouthboundTable } from './engine/ovsdb/southbound-schema.ts';
export { WriteError, writeNorthbound, writeSouthbound } from './engine/ovsdb/write-databases.ts';
// Logical flows to the program of a chassis
export {
  buildProgram,
  type ChassisInput,
  changedTables,
  type Placement as PortPlacements,
  type Program,
  ProgramBuilder,
  placementOf,
  portsHere,
} from './engine/program/index.ts';
// Sets of packets
export {
  createSpace,
  type PacketSet,
  type SetField,
  type Space,
  SpaceFull,
  type SpaceOptions,
} from './engine/sets/index.ts';
// Manifests
export { compareVersions } from './engine/spec/compare.ts';
export { describeResources } from './engine/spec/conditions.ts';
export { interfacePlacements, type Placement } from './engine/spec/nodes.ts';
export { type ManifestFile, readManifests } from './engine/spec/read.ts';
export type { ReadResult, Resources } from './engine/spec/resources.ts';
// Manifests to northbound
export { northboundOf, northboundOfPlan, planTopology, type VpcPlan } from './engine/vpc/index.ts';
// Policies
export {
  type Change,
  type DiffOptions,
  type DiffSide,
  diffNetworks,
  diffText,
  type NetworkDiff,
} from './sim/diff/index.ts';
export { type PlanInput, planOffload } from './sim/offload/plan.ts';
export {
  explainSet,
  explanationText,
  inventoryOf,
  type Policy,
  type PolicyReading,
  type ReadPolicyOptions,
  readPolicy,
} from './sim/policy/index.ts';
// All packets at once, and what is proven of them
export { builtInProperties } from './sim/properties/index.ts';
export { openView } from './sim/properties/open-view.ts';
export type { Property } from './sim/properties/property.ts';
export { type Place, placesOf, type Reach, type ReachOptions, reachOf, reachText } from './sim/reach/index.ts';
export {
  htmlReport,
  jsonReport,
  junitReport,
  type ReportFormat,
  report,
  reportFormats,
  sarifReport,
  textReport,
} from './sim/report/index.ts';
export { type PolicyOptions, policyProperties, policyWatch } from './sim/rules/index.ts';
export { type AnalyseOptions, type Analysis, analyse, type Network, networkOf } from './sim/symbolic/index.ts';
// Tracing
export {
  assumedConntrack,
  type Delivery,
  fields,
  MicroflowError,
  type Packet,
  parseCtState,
  parsePacket,
  prepare,
  readBits,
  type TraceOptions,
  type TraceResult,
  type TraceTopology,
  traceFlow,
  traceJson,
  traceText,
  trackingConntrack,
} from './sim/trace/index.ts';
// Verdicts
export type {
  Counterexample,
  Finding,
  FlowMet,
  Matrix,
  Obstacle,
  Sent,
  Severity,
  TopologySize,
  Verdict,
  Verification,
} from './sim/verdict.ts';
export {
  type Common,
  givenUp,
  openVerifier,
  type Part,
  type PartResult,
  propertiesOf,
  type Runner,
  type Subject,
  type Verifier,
  type VerifyOptions,
  verifyNetwork,
  verifyPart,
} from './sim/verifier.ts';

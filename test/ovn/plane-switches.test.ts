/** Frames of topologies about logical switches, beside the real data plane: plane/suite.ts. */
import { comparePlanes } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

comparePlanes(planeTopologies.switches);

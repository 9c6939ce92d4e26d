/** Frames of topologies about what only packets show, beside the real data plane: plane/suite.ts. */
import { comparePlanes } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

comparePlanes(planeTopologies.features);

/** Frames of topologies about logical routers, beside the real data plane: plane/suite.ts. */
import { comparePlanes } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

comparePlanes(planeTopologies.routers);

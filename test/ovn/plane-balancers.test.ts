/** Frames of topologies about load balancers, beside the real data plane: plane/suite.ts. */
import { comparePlanes } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

comparePlanes(planeTopologies.balancers);

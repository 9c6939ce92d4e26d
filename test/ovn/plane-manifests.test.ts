/** Frames of topologies about examples and random manifests, beside the real data plane: plane/suite.ts. */
import { comparePlanes } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

comparePlanes(planeTopologies.manifests);

/**
 * The names of what a VPC becomes in the northbound database.
 *
 * Kubernetes' names hold no `@`, `+`, `:` or upper-case letter, so these signs
 * keep the parts of a name apart and no two things can share a name.
 *
 * | what                                | name                              |
 * | ----------------------------------- | --------------------------------- |
 * | logical switch of a network         | `NAMESPACE/NETWORK`               |
 * | its port to the VPC's router        | `NAMESPACE/NETWORK:router`        |
 * | an interface's port on a node       | `NAMESPACE/INTERFACE@NODE`        |
 * | distributed router of a VPC         | `NAMESPACE/VPC`                   |
 * | its port to a network               | `NAMESPACE/VPC:NETWORK`           |
 * | switch between it and the gateways  | `NAMESPACE/VPC+join`              |
 * | gateway router of a VPC on a node   | `NAMESPACE/VPC@NODE`              |
 * | switch to the world outside, there  | `NAMESPACE/VPC@NODE+external`     |
 * | its port on the physical network    | `NAMESPACE/VPC@NODE+external:localnet` |
 *
 * The two ends of a link carry the name of the thing on the other side.
 */

interface Named {
  namespace: string;
  name: string;
}

const qualified = ({ namespace, name }: Named): string => `${namespace}/${name}`;

export const switchName = qualified;
export const routerName = qualified;

/** The port of a network's switch that leads to its VPC's router. */
export const networkRouterPort = (network: Named): string => `${qualified(network)}:router`;

/** The port of a VPC's router that leads to a network, the network's gateway. */
export const gatewayPort = (vpc: Named, network: Named): string => `${qualified(vpc)}:${network.name}`;

export const interfacePort = (interfaces: Named, node: Named): string => `${qualified(interfaces)}@${node.name}`;

/** The switch between a VPC's router and its gateway routers, and the router's port on it. */
export const joinName = (vpc: Named): string => `${qualified(vpc)}+join`;

/** The port of the join switch that leads to the VPC's router. */
export const joinRouterPort = (vpc: Named): string => `${joinName(vpc)}:router`;

/** The port of the join switch that leads to the gateway router on a node. */
export const joinGatewayPort = (vpc: Named, node: Named): string => `${joinName(vpc)}@${node.name}`;

export const gatewayRouterName = (vpc: Named, node: Named): string => `${qualified(vpc)}@${node.name}`;

/** The gateway router's port on the join switch. */
export const gatewayJoinPort = (vpc: Named, node: Named): string => `${gatewayRouterName(vpc, node)}+join`;

/** The switch to the world outside on a node, and the gateway router's port on it. */
export const externalName = (vpc: Named, node: Named): string => `${gatewayRouterName(vpc, node)}+external`;

export const externalRouterPort = (vpc: Named, node: Named): string => `${externalName(vpc, node)}:router`;

export const localnetPort = (vpc: Named, node: Named): string => `${externalName(vpc, node)}:localnet`;

/** Address set of what no VPC may send to: the gateways' external addresses and networks routed without NAT. */
export const vpcExternalSet = 'vpc_external';

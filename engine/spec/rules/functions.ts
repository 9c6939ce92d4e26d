/** Functions of a DPU: one PF, VF or service interface on a node is one interface's only. */
import { problemOf, quote } from '../complain.ts';
import type { Attachment, Resource, SpecProblem } from '../resources.ts';
import type { Topology } from './topology.ts';

export function checkFunctions(topology: Topology): SpecProblem[] {
  const { interfaces, serviceInterfaces } = topology.resources;
  const path = 'spec.template.spec.template.spec';
  return [
    ...checkUses(
      interfaces.map((each) => ({ ...each, path, nodes: topology.interfaceNodes(each).map(({ name }) => name) })),
    ),
    ...checkUses(
      serviceInterfaces.map((each) => ({ ...each, path: 'spec', nodes: each.node === '' ? [] : [each.node] })),
    ),
  ];
}

type Use = Resource & { attachment: Attachment; path: string; nodes: string[] };

function checkUses(uses: Use[]): SpecProblem[] {
  const taken = new Map<string, Use>();
  const problems: SpecProblem[] = [];
  for (const use of uses) {
    const what = functionOf(use);
    if (what === undefined) continue;
    const keys = use.nodes.map((node) => ({ node, key: `${node} ${what.key}` }));
    const clash = keys.find(({ key }) => taken.has(key));
    const other = clash && taken.get(clash.key);
    if (other) {
      const message = `${what.name} of the node ${quote(clash.node)} is taken by ${other.origin.resource}`;
      const hint = 'use another one, or select other nodes';
      const path = `${use.path}.${use.attachment.type}`;
      problems.push(problemOf(use, { id: 'duplicate-function', path, message, hint }));
    }
    for (const { key } of keys) if (!taken.has(key)) taken.set(key, use);
  }
  return problems;
}

/** Which function of a node an interface is, as a key and for people. */
function functionOf({ attachment }: Use): { key: string; name: string } | undefined {
  switch (attachment.type) {
    case 'pf':
      return { key: JSON.stringify(attachment), name: `PF ${attachment.pfID}` };
    case 'vf':
      return { key: JSON.stringify(attachment), name: `VF ${attachment.vfID} of PF ${attachment.pfID}` };
    case 'service': {
      const { serviceID, interfaceName } = attachment;
      return {
        key: JSON.stringify([serviceID, interfaceName]),
        name: `${quote(interfaceName)} of service ${quote(serviceID)}`,
      };
    }
    case 'other':
      return undefined;
  }
}

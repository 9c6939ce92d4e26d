// Written by deploy/crds/generate.mjs from the definitions beside it; change those and run it.

/** What validates each kind: the OpenAPI schema of its CustomResourceDefinition without its prose and its status. */
export const schemas = {
  DPUService: {
    group: 'svc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['helmChart'],
          properties: {
            dpuClusterSelector: {
              type: 'object',
              properties: {
                matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                matchExpressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['key', 'operator'],
                    properties: {
                      key: { type: 'string' },
                      operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                      values: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
            helmChart: {
              type: 'object',
              required: ['source'],
              properties: {
                source: {
                  type: 'object',
                  required: ['repoURL', 'version'],
                  properties: {
                    repoURL: { type: 'string', pattern: '^(oci://|https://).+$' },
                    path: { type: 'string' },
                    version: { type: 'string', minLength: 1 },
                    chart: { type: 'string' },
                    releaseName: { type: 'string' },
                  },
                },
                values: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
            serviceID: { type: 'string' },
            serviceDaemonSet: {
              type: 'object',
              properties: {
                nodeSelector: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                updateStrategy: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                labels: { type: 'object', additionalProperties: { type: 'string' } },
                annotations: { type: 'object', additionalProperties: { type: 'string' } },
                resources: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
              },
            },
            deployInCluster: { type: 'boolean' },
            interfaces: { type: 'array', minItems: 1, maxItems: 50, items: { type: 'string' } },
            paused: { type: 'boolean' },
            configPorts: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            security: { type: 'object', properties: { privileged: { type: 'boolean' } } },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  DPUServiceInterface: {
    group: 'svc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['template'],
          properties: {
            clusterSelector: {
              type: 'object',
              properties: {
                matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                matchExpressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['key', 'operator'],
                    properties: {
                      key: { type: 'string' },
                      operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                      values: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
            dpuClusterSelector: {
              type: 'object',
              properties: {
                matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                matchExpressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['key', 'operator'],
                    properties: {
                      key: { type: 'string' },
                      operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                      values: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
            template: {
              type: 'object',
              required: ['spec'],
              properties: {
                metadata: {
                  type: 'object',
                  properties: {
                    labels: { type: 'object', additionalProperties: { type: 'string' } },
                    annotations: { type: 'object', additionalProperties: { type: 'string' } },
                  },
                },
                spec: {
                  type: 'object',
                  required: ['template'],
                  properties: {
                    nodeSelector: {
                      type: 'object',
                      properties: {
                        matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                        matchExpressions: {
                          type: 'array',
                          items: {
                            type: 'object',
                            required: ['key', 'operator'],
                            properties: {
                              key: { type: 'string' },
                              operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                              values: { type: 'array', items: { type: 'string' } },
                            },
                          },
                        },
                      },
                    },
                    template: {
                      type: 'object',
                      required: ['spec'],
                      properties: {
                        metadata: {
                          type: 'object',
                          properties: {
                            labels: { type: 'object', additionalProperties: { type: 'string' } },
                            annotations: { type: 'object', additionalProperties: { type: 'string' } },
                          },
                        },
                        spec: {
                          type: 'object',
                          required: ['interfaceType'],
                          properties: {
                            node: { type: 'string' },
                            interfaceType: {
                              type: 'string',
                              enum: ['vlan', 'physical', 'pf', 'vf', 'ovn', 'patch', 'service'],
                            },
                            physical: {
                              type: 'object',
                              required: ['interfaceName'],
                              properties: { interfaceName: { type: 'string' } },
                            },
                            vlan: {
                              type: 'object',
                              required: ['vlanID', 'parentInterfaceRef'],
                              properties: { vlanID: { type: 'integer' }, parentInterfaceRef: { type: 'string' } },
                            },
                            vf: {
                              type: 'object',
                              required: ['pfID', 'vfID'],
                              properties: {
                                pfID: { type: 'integer', minimum: 0, maximum: 255 },
                                vfID: { type: 'integer', minimum: 0, maximum: 255 },
                                parentInterfaceRef: { type: 'string' },
                                virtualNetwork: { type: 'string' },
                                nicSelector: {
                                  type: 'object',
                                  required: ['type'],
                                  properties: {
                                    type: { type: 'string', enum: ['dpu', 'pci'] },
                                    pci: {
                                      type: 'object',
                                      required: ['address'],
                                      properties: {
                                        address: {
                                          type: 'string',
                                          pattern: '^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$',
                                        },
                                      },
                                    },
                                    controllerNumber: { type: 'integer', format: 'int32', minimum: 0, maximum: 255 },
                                  },
                                },
                              },
                            },
                            pf: {
                              type: 'object',
                              required: ['pfID'],
                              properties: {
                                pfID: { type: 'integer', minimum: 0, maximum: 255 },
                                virtualNetwork: { type: 'string' },
                                nicSelector: {
                                  type: 'object',
                                  required: ['type'],
                                  properties: {
                                    type: { type: 'string', enum: ['dpu', 'pci'] },
                                    pci: {
                                      type: 'object',
                                      required: ['address'],
                                      properties: {
                                        address: {
                                          type: 'string',
                                          pattern: '^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$',
                                        },
                                      },
                                    },
                                    controllerNumber: { type: 'integer', format: 'int32', minimum: 0, maximum: 255 },
                                  },
                                },
                              },
                            },
                            service: {
                              type: 'object',
                              required: ['serviceID', 'network', 'interfaceName'],
                              properties: {
                                serviceID: { type: 'string' },
                                network: { type: 'string' },
                                interfaceName: { type: 'string', minLength: 1, maxLength: 15 },
                                virtualNetwork: { type: 'string' },
                              },
                            },
                            ovn: {
                              type: 'object',
                              properties: { externalBridge: { type: 'string', default: 'br-ovn' } },
                            },
                            patch: {
                              type: 'object',
                              required: ['peerBridge'],
                              properties: {
                                peerBridge: { type: 'string' },
                                peerPatchName: { type: 'string' },
                                peerExternalIDs: { type: 'object', additionalProperties: { type: 'string' } },
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  DPUVPC: {
    group: 'vpc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['tenant', 'isolationClassName', 'interNetworkAccess'],
          properties: {
            tenant: { type: 'string', minLength: 1 },
            nodeSelector: {
              type: 'object',
              properties: {
                matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                matchExpressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['key', 'operator'],
                    properties: {
                      key: { type: 'string' },
                      operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                      values: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
            isolationClassName: { type: 'string', minLength: 1 },
            interNetworkAccess: { type: 'boolean' },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  DPUVirtualNetwork: {
    group: 'vpc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['vpcName', 'type', 'externallyRouted'],
          properties: {
            vpcName: { type: 'string', minLength: 1 },
            type: { type: 'string', enum: ['Bridged'] },
            nodeSelector: {
              type: 'object',
              properties: {
                matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
                matchExpressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['key', 'operator'],
                    properties: {
                      key: { type: 'string' },
                      operator: { type: 'string', enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
                      values: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
            externallyRouted: { type: 'boolean' },
            masquerade: { type: 'boolean', default: true },
            bridgedNetwork: {
              type: 'object',
              properties: {
                ipam: {
                  type: 'object',
                  properties: {
                    ipv4: {
                      type: 'object',
                      required: ['dhcp', 'subnet'],
                      properties: {
                        dhcp: { type: 'boolean' },
                        subnet: { type: 'string' },
                        excludeIPs: {
                          type: 'array',
                          items: {
                            type: 'object',
                            properties: {
                              ip: { type: 'string' },
                              range: {
                                type: 'object',
                                required: ['start', 'end'],
                                properties: { start: { type: 'string' }, end: { type: 'string' } },
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  IsolationClass: {
    group: 'vpc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Cluster',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['provisioner'],
          properties: {
            provisioner: { type: 'string' },
            parameters: { type: 'object', additionalProperties: { type: 'string' } },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  NetworkAttachmentDefinition: {
    group: 'k8s.cni.cncf.io',
    version: 'v1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: { type: 'object', properties: { config: { type: 'string' } } },
      },
    },
  },
  ServiceInterface: {
    group: 'svc.dpu.nvidia.com',
    version: 'v1alpha1',
    scope: 'Namespaced',
    schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['interfaceType'],
          properties: {
            node: { type: 'string' },
            interfaceType: { type: 'string', enum: ['vlan', 'physical', 'pf', 'vf', 'ovn', 'patch', 'service'] },
            physical: {
              type: 'object',
              required: ['interfaceName'],
              properties: { interfaceName: { type: 'string' } },
            },
            vlan: {
              type: 'object',
              required: ['vlanID', 'parentInterfaceRef'],
              properties: { vlanID: { type: 'integer' }, parentInterfaceRef: { type: 'string' } },
            },
            vf: {
              type: 'object',
              required: ['pfID', 'vfID'],
              properties: {
                pfID: { type: 'integer', minimum: 0, maximum: 255 },
                vfID: { type: 'integer', minimum: 0, maximum: 255 },
                parentInterfaceRef: { type: 'string' },
                virtualNetwork: { type: 'string' },
                nicSelector: {
                  type: 'object',
                  required: ['type'],
                  properties: {
                    type: { type: 'string', enum: ['dpu', 'pci'] },
                    pci: {
                      type: 'object',
                      required: ['address'],
                      properties: {
                        address: { type: 'string', pattern: '^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$' },
                      },
                    },
                    controllerNumber: { type: 'integer', format: 'int32', minimum: 0, maximum: 255 },
                  },
                },
              },
            },
            pf: {
              type: 'object',
              required: ['pfID'],
              properties: {
                pfID: { type: 'integer', minimum: 0, maximum: 255 },
                virtualNetwork: { type: 'string' },
                nicSelector: {
                  type: 'object',
                  required: ['type'],
                  properties: {
                    type: { type: 'string', enum: ['dpu', 'pci'] },
                    pci: {
                      type: 'object',
                      required: ['address'],
                      properties: {
                        address: { type: 'string', pattern: '^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$' },
                      },
                    },
                    controllerNumber: { type: 'integer', format: 'int32', minimum: 0, maximum: 255 },
                  },
                },
              },
            },
            service: {
              type: 'object',
              required: ['serviceID', 'network', 'interfaceName'],
              properties: {
                serviceID: { type: 'string' },
                network: { type: 'string' },
                interfaceName: { type: 'string', minLength: 1, maxLength: 15 },
                virtualNetwork: { type: 'string' },
              },
            },
            ovn: { type: 'object', properties: { externalBridge: { type: 'string', default: 'br-ovn' } } },
            patch: {
              type: 'object',
              required: ['peerBridge'],
              properties: {
                peerBridge: { type: 'string' },
                peerPatchName: { type: 'string' },
                peerExternalIDs: { type: 'object', additionalProperties: { type: 'string' } },
              },
            },
          },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
} as const;

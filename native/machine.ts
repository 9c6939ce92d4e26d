/** What the addon finds on a machine; the shapes that `native/addon.cc` gives. */

/** A network interface of a PCI function. */
export interface Netdev {
  name: string;
  /** The kernel's `phys_port_name`: `p0` is an uplink, `pf0vf1` and `pf0hpf` are representors; '' if there is none. */
  port: string;
  /** Ports of one embedded switch share it; '' where the device is not in switchdev mode. */
  switchId: string;
  /** `up`, `down`, `unknown`, ... */
  state: string;
}

/** An NVIDIA (Mellanox) function on the PCI bus. */
export interface PciDevice {
  /** `DOMAIN:BUS:DEVICE.FUNCTION`, e.g. `0000:03:00.0`. */
  address: string;
  /** PCI device ID. */
  device: number;
  /** PCI class; 0x020000 is an Ethernet controller. */
  class: number;
  /** The driver bound to it; '' if none is. */
  driver: string;
  /** The address of its physical function if it is a virtual one, otherwise ''. */
  physical: string;
  /** NUMA node, -1 if the machine has none. */
  numa: number;
  vfs: number;
  maxVfs: number;
  netdevs: Netdev[];
}

export interface Library {
  /** The addon was built against it. */
  linked: boolean;
  /** It can be loaded on this machine. */
  present: boolean;
  /** As it says itself, '' if it does not. */
  version: string;
  /** Under which name it was found, '' if it is linked or absent. */
  file: string;
  /** Why it cannot be loaded, '' if it can. */
  reason: string;
}

export interface Machine {
  /** What the firmware calls the machine, '' if it does not tell. */
  product: string;
  cpu: {
    /** `x86_64`, `aarch64`, ... */
    architecture: string;
    model: string;
    /** Processors that this process may run on. */
    cpus: number;
    /** Features of interest that it has, and those that it has not. */
    features: string[];
    lacking: string[];
  };
  packetSocket: {
    opens: boolean;
    /** Packets can be shared with the kernel in a ring of version 3 (packet(7), PACKET_RX_RING). */
    ring: boolean;
    /** Why it does not open, '' if it does. */
    reason: string;
  };
  /** Capabilities of this process (capabilities(7)). */
  privileges: { netAdmin: boolean; netRaw: boolean; ipcLock: boolean };
  dpdk: Library;
  doca: Library;
  hugePages: { kilobytes: number; total: number; free: number }[];
  hugePageMounts: { path: string; options: string }[];
  pciDevices: PciDevice[];
}

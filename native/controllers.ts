/**
 * Which NVIDIA network controllers there are: PCI device IDs of vendor 15b3, as
 * Linux's mlx5 driver and the PCI ID database list them.
 */

export interface Controller {
  name: string;
  /** A BlueField: the controller sits on a card with processors of its own. */
  dpu: boolean;
  /** Steering that the hardware manages itself (`dv_flow_en=2` of the mlx5 driver, DOCA Flow): ConnectX-6 Dx and later.  */
  hardwareSteering: boolean;
}

const controllers: Readonly<Record<number, Controller>> = {
  4115: nic('ConnectX-4', false),
  4117: nic('ConnectX-4 Lx', false),
  4119: nic('ConnectX-5', false),
  4121: nic('ConnectX-5 Ex', false),
  4123: nic('ConnectX-6', false),
  4125: nic('ConnectX-6 Dx', true),
  4127: nic('ConnectX-6 Lx', true),
  4129: nic('ConnectX-7', true),
  4131: nic('ConnectX-8', true),
  4133: nic('ConnectX-9', true),
  4126: nic('virtual function (ConnectX-6 Dx or later)', true),
  41682: dpu('BlueField (ConnectX-5)', false),
  41686: dpu('BlueField-2 (ConnectX-6 Dx)', true),
  41689: dpu('BlueField-3 Lx (ConnectX-7)', true),
  41692: dpu('BlueField-3 (ConnectX-7)', true),
  41695: dpu('BlueField-4 (ConnectX-8)', true),
};

function nic(name: string, hardwareSteering: boolean): Controller {
  return { name, dpu: false, hardwareSteering };
}

function dpu(name: string, hardwareSteering: boolean): Controller {
  return { name, dpu: true, hardwareSteering };
}

/** What a PCI device ID of vendor 15b3 says; undefined if it is not a network controller that we know. */
export function controllerOf(device: number): Controller | undefined {
  return controllers[device];
}

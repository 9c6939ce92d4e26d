/** What is wrong with what a user says of a packet. */

/** The microflow, the datapath or an option cannot be used; `message` is ovn-trace's sentence. */
export class MicroflowError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MicroflowError';
  }
}

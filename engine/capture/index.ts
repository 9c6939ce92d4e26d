/**
 * Captures: files of frames with the times they were seen at, read and written
 * as bytes.  Formats: pcap and pcapng (draft-ietf-opsawg-pcap,
 * draft-ietf-opsawg-pcapng), of Ethernet frames.
 *
 *     const { frames, problems } = readCapture(bytes, 'in.pcap');
 *
 *     const reader = captureReader('in.pcap');      // a file larger than memory
 *     for await (const chunk of stream) for (const frame of reader.push(chunk)) ...
 *     const problems = reader.end();
 *
 *     const writer = captureWriter('pcap');
 *     writer.add(frame);
 *     file.write(writer.take());                    // as often as one likes
 *
 * Times are nanoseconds and stay exact from a file that is read to one that is
 * written.
 */
export type { Capture, CapturedFrame, CaptureReader } from './reader.ts';
export { captureReader, readCapture } from './reader.ts';
export type { CaptureFormat, CaptureWriter, WrittenFrame } from './writer.ts';
export { captureWriter, writeCapture } from './writer.ts';

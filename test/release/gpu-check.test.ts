/** `doctor --gpu` on the test device. */
import { it } from 'vitest';
import { testDevicePath } from '../support/device.js';
import { expectToPassEveryPart } from '../support/gpu-check.js';

it('passes every part on a device whose memory the host can not touch', () =>
  // The library registers the device in the processes of the parts too.
  expectToPassEveryPart('privateuseone', { NODE_OPTIONS: `--require ${testDevicePath()}` }));

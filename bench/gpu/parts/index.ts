/** All parts, in the order in which they are run: what opens the device, what is right, how fast it is. */
import type { Part } from '../part.js';
import { bfloat16 } from './bfloat16.js';
import { draws } from './draws.js';
import { errors } from './errors.js';
import { float32 } from './float32.js';
import { limits } from './limits.js';
import { machine } from './machine.js';
import { memory } from './memory.js';
import { override, processor } from './processor.js';
import { positions } from './positions.js';
import { again, repeatable } from './repeatable.js';
import { SPEED } from './speed.js';
import { training } from './training.js';
import { trl } from './trl.js';

export const PARTS: readonly Part[] = [
  machine,
  processor,
  float32,
  bfloat16,
  repeatable,
  again,
  draws,
  errors,
  memory,
  override,
  training,
  limits,
  positions,
  ...SPEED,
  trl,
];

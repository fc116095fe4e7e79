// Loaded before a program (`node --import`): the wall clock jumps a day ahead, and then a day back, again and again.
import { performance } from 'node:perf_hooks';

const RealDate = Date;
const DAY = 86_400_000;
const began = performance.now();
const shift = () => [0, DAY, -DAY][Math.floor((performance.now() - began) / 300) % 3];
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift());
    else super(...args);
  }
  static now() {
    return RealDate.now() + shift();
  }
};

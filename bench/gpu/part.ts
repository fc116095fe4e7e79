/** What `doctor --gpu` is made of: parts, and the figures that each gives. */

/** `full`: shapes that a GPU is for. `small`: the same work on shapes that a CPU does in seconds, for tests. */
export type Scale = 'full' | 'small';

/** Something that was found. */
export interface Figure {
  what: string;
  value: number | string;
  unit?: string;
  /** Bounds that the value was checked against. */
  at_most?: number;
  at_least?: number;
  /** Absent where the figure was measured and nothing is expected of it. */
  passed?: boolean;
}

/** What a part is declared by. */
export interface PartHead {
  /** Stable name, as in the JSON. */
  name: string;
  title: string;
  /** `check`: right or wrong. `measure`: how fast; one that is not run proves nothing wrong. */
  kind: 'check' | 'measure';
  /** Seconds that it may take at most; one that takes longer has failed. */
  seconds: number;
  /** Whether it needs a process that nothing ran in before it. Others share one for as long as nothing fails. */
  fresh?: boolean;
  /** Whether it opens the device. Where that fails there is nothing to check, and nothing else is run. */
  opens?: boolean;
}

export interface Part extends PartHead {
  /** @throws {NotRun} where it can't be run here; any other error is a failure of the part */
  run(check: Check): Promise<void>;
}

/** What parts are given, and tell their figures to: each is on the disk before the next is computed. */
export class Check {
  constructor(
    readonly device: string,
    readonly scale: Scale,
    /** A folder for the part's own files. */
    readonly folder: string,
    /** When the part's time is over, by `Date.now()`. */
    private readonly deadline: number,
    private readonly tell: (figure: Figure) => void,
  ) {}

  /** Whether the device is an NVIDIA GPU, and not the CPU or a device for tests. */
  get isGpu(): boolean {
    return this.device.startsWith('cuda');
  }

  get secondsLeft(): number {
    return (this.deadline - Date.now()) / 1000;
  }

  /** A value that must not be greater than `most`; NaN is. */
  atMost(what: string, value: number, most: number, unit?: string): void {
    this.tell({ what, value: written(value), ...(unit && { unit }), at_most: most, passed: value <= most });
  }

  /** A value that must not be less than `least`; NaN is. */
  atLeast(what: string, value: number, least: number, unit?: string): void {
    this.tell({
      what,
      value: written(value),
      ...(unit && { unit }),
      at_least: least,
      passed: value >= least,
    });
  }

  /** Two values that must be the same. */
  equal(what: string, actual: string | number, expected: string | number): void {
    const same = actual === expected;
    this.tell({ what, value: same ? 'equal' : `${actual}, not ${expected}`, passed: same });
  }

  /** A value that nothing is expected of. */
  measured(what: string, value: number | string, unit?: string): void {
    this.tell({ what, value, ...(unit && { unit }) });
  }
}

/** JSON has no NaN and no infinity. */
const written = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

/** Ends a part that can't be run here, which is no failure. */
export class NotRun extends Error {}

/** What became of a part. */
export interface PartResult extends Pick<PartHead, 'name' | 'title' | 'kind'> {
  status: 'passed' | 'failed' | 'not run';
  seconds: number;
  figures: Figure[];
  /** Why it failed or was not run, where the figures don't say it. */
  note?: string;
}

export interface GpuReport {
  grpo_native: string;
  /** When it began, ISO 8601. */
  date: string;
  device: string;
  scale: Scale;
  minutes: number;
  /** Whether all checks were run and passed. */
  passed: boolean;
  parts: PartResult[];
}

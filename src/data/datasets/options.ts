/** Which data, and how a row of it becomes a problem. */
export interface DatasetTaskOptions {
  /** A file, several, a folder of files, or a dataset of the hub: `user/name`, or `user/name@revision`. */
  datasetName: string | readonly string[];
  /** Configuration of a dataset of the hub; null (default): its only one, or the one called default. */
  datasetConfig?: string | null;
  /** Split to learn from; default `train`. */
  datasetTrainSplit?: string;
  /**
   * Split that is held out; null (default): `test` where there is one, else one row in five, by the hash of its
   * prompt.
   */
  datasetTestSplit?: string | null;
  /** Column of the prompt, a text or a conversation; null (default): `prompt`, else the only one that may be it. */
  promptColumn?: string | null;
  /** Column of the right answer; null (default): `answer`, else the only one that may be it. */
  answerColumn?: string | null;
  /** Makes the prompt of columns: `Q: {question}\nA:`; null (default): it is that of a column. */
  promptTemplate?: string | null;
}

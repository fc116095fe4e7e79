/** A row of a dataset. */
export interface Row {
  /** Where it is, for messages: `tickets.jsonl:3`, or `tickets.parquet, row 3`. */
  place: string;
  /** Its columns. */
  values: Record<string, unknown>;
}

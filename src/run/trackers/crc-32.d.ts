/** The package types its main module alone. */
declare module 'crc-32/crc32c.js' {
  import crc32 from 'crc-32';
  export default crc32;
}

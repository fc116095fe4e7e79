/** Tests of pages need a browser: better said once, at the beginning. */
import { chromiumPath } from '../support/chromium.js';

export default function setup(): void {
  chromiumPath();
}

// The page of a share link: times in the reader's own zone.

import { showLocalTimes } from "../lib/dom.js";

showLocalTimes(document);

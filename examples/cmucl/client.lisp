;;;; A CMU Common Lisp that calls Deno, and is called back:
;;;;
;;;;     deno run --allow-net examples/cmucl/serve_lisp.ts
;;;;     cmucl -quiet -batch -noinit -load examples/cmucl/client.lisp
;;;;
;;;; It connects to port 7002, or to the one in WIRE_PORT.

(load (merge-pathnames "octet-wires.lisp" *load-truename*))

(defvar *port* (parse-integer (or (unix:unix-getenv "WIRE_PORT") "7002")))

(defvar *wire*
  (wire:connect-to-remote-server "127.0.0.1" *port*
                                 (lambda () (format t "Deno has left.~%"))))

(defun square (x)
  "Deno calls this while it is being called itself."
  (* x x))

(defun show (control &rest arguments)
  (format t "~?~%" control arguments)
  (force-output))

;; One value.
(show "~A" (wire:remote-value *wire* (greet-from-deno "CMUCL")))

;; Several values.
(wire:remote-value-bind *wire* (quotient rest) (divide 17 5)
  (show "17 / 5 = ~D, rest ~D" quotient rest))

;; Deno calls back, once for each item, while this waits.
(show "squares, called back: ~S"
      (wire:remote-value *wire* (map-back 'square '(1 2 3 1000000))))

;; An object of the other process: it can be held and handed back.
(let ((counter (wire:remote-value *wire* (make-counter))))
  (wire:remote-value *wire* (count-up counter))
  (show "counted to ~D by ~A" (wire:remote-value *wire* (count-up counter))
        (if (wire:remote-object-local-p counter) "an own object" "Deno's object")))

;; Symbols go over as symbols.
(show "~S" (wire:remote-value *wire* (read-a-name "cl:car")))

;; What fails over there unwinds; the last form tells what to do then.
(show "~A" (wire:remote-value *wire* (fail) "the call unwound"))
(show "~A" (wire:remote-value *wire* (no-such-function) "nor is that served"))

;; One way.
(wire:remote *wire* (show "Good-bye."))
(wire:wire-force-output *wire*)

(quit)

;;;; A CMUCL that makes its own wire of a socket: no request server, no loop.

(load (merge-pathnames "../../examples/cmucl/octet-wires.lisp" *load-truename*))
(load (merge-pathnames "exercises.lisp" *load-truename*))

(let* ((port (parse-integer (unix:unix-getenv "WIRE_PORT")))
       (wire (wire:make-wire (ext:connect-to-inet-socket "127.0.0.1" port))))
  (write-untagged wire)
  (let* ((number (wire:wire-get-number wire))
         (object (wire:wire-get-object wire)))
    (format t "~S ~S ~S~%" number object (wire:wire-p wire))))
(quit)

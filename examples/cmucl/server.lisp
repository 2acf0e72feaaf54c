;;;; A CMU Common Lisp that lets itself be called:
;;;;
;;;;     cmucl -quiet -batch -noinit -load examples/cmucl/server.lisp
;;;;
;;;; It listens on port 7001, or on the one in the environment variable
;;;; WIRE_PORT; 0 takes a free one.  Whoever gets through may call every
;;;; function of this Lisp, DELETE-FILE and QUIT included: so only this
;;;; machine's own programs are let in.

(load (merge-pathnames "octet-wires.lisp" *load-truename*))

(defconstant +loopback+ #x7f000001
  "The address 127.0.0.1, as a number.")

(defun say (control &rest arguments)
  (apply #'format t control arguments)
  (force-output))

(defvar *wires* '()
  "The open wires, each with what to call when it ends.")

(defun greet (wire address)
  "Called for each connection: answers whether to accept it, and what to call
when it ends."
  (let ((own (= address +loopback+)))
    (flet ((leave ()
             (setf *wires* (remove wire *wires* :key #'car))
             (say "disconnected~%")))
      (say "~A~%" (if own "connected" "a stranger was sent away"))
      (when own
        (push (cons wire #'leave) *wires*))
      (values own #'leave))))

(defun countdown (n)
  "Goes down by one step here and one step there, until nothing is left."
  (if (plusp n)
      (1+ (wire:remote-value wire:*current-wire* (countdown (1- n))))
      0))

(defun catch-up ()
  "Serves what had come behind a call that was given up.  It is in the wire's
buffer, where CMUCL does not look before more comes."
  (loop for (wire . leave) in *wires*
        when (< (wire::wire-ibuf-offset wire) (wire::wire-ibuf-end wire))
          do (wire::serve-requests wire leave)))

(defun serve ()
  "Serves for ever.  What goes wrong in a call unwinds to here, and its caller
gets an abort; without that it would stop in the debugger, and everything else
with it."
  (loop
    (with-simple-restart (give-up "Give up this call.")
      (handler-bind ((error (lambda (condition)
                              (say "gave up a call: ~A~%" condition)
                              (invoke-restart 'give-up))))
        (catch-up)
        (loop (system:serve-all-events 1))))))

(let* ((port (parse-integer (or (unix:unix-getenv "WIRE_PORT") "7001")))
       (server (wire:create-request-server port #'greet :reuse-address t)))
  (multiple-value-bind (host port)
      (ext:get-socket-host-and-port (wire::request-server-socket server))
    (declare (ignore host))
    (say "CMUCL ~A listening on 127.0.0.1:~D~%"
         (lisp-implementation-version) port))
  (serve))

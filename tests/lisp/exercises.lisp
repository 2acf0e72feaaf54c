;;;; What the integration suite has a CMUCL do beyond its own functions.
;;;; Loaded in front of examples/cmucl/server.lisp.

(in-package "COMMON-LISP-USER")

(defun echo (x) x)

(defvar *notes* '())
(defun note (x) (push x *notes*))
(defun take-notes () (prog1 (reverse *notes*) (setf *notes* '())))

(defun read-untagged ()
  "Reads what stands behind the call."
  (let* ((wire wire:*current-wire*)
         (byte (wire:wire-get-byte wire))
         (signed (wire:wire-get-number wire))
         (unsigned (wire:wire-get-number wire nil))
         (bignum (wire:wire-get-bignum wire))
         (string (wire:wire-get-string wire))
         (once (wire:wire-get-object wire))
         (twice (wire:wire-get-object wire)))
    (list byte signed unsigned bignum string once (eq once twice))))

(defun write-untagged (wire)
  (let ((list (list 1 2 3)))
    (wire:wire-output-byte wire 255)
    (wire:wire-output-number wire -2)
    (wire:wire-output-number wire #xfffffffe)
    (wire:wire-output-bignum wire (- (expt 2 70)))
    (wire:wire-output-string wire (format nil "caf~C" (code-char 233)))
    (wire:wire-output-object wire list t)
    (wire:wire-output-object wire list t)
    (wire:wire-force-output wire)))

(defun write-untagged-here ()
  (write-untagged wire:*current-wire*))

(defun say-objects ()
  "Sends data that is no answer."
  (let ((wire wire:*current-wire*))
    (dolist (object (list 1 "two" :three '(4 . 5) nil))
      (wire:wire-output-object wire object))
    (wire:wire-force-output wire)))

(defvar *thing* (list "a thing of Lisp's"))
(defun its-reference () (wire:make-remote-object *thing*))
(defun is-it (reference) (eq (wire:remote-object-value reference) *thing*))
(defun forget-it () (wire:forget-remote-translation *thing*))

(defun about (reference)
  "What Lisp's own functions say of a reference."
  (list (wire:remote-object-p reference)
        (wire:remote-object-local-p reference)
        (wire:remote-object-eq reference reference)
        (wire:remote-object-eq reference (its-reference))))

(defun same (one other) (wire:remote-object-eq one other))

(defun call-deno ()
  "Calls back in every manner, and lists what came of it."
  (let ((wire wire:*current-wire*))
    (list
     (wire:remote-value wire (add 40 2))
     (wire:remote-value-bind wire (a b) (five) (list a b))
     (wire:remote-value-bind wire (a b c) (five) (list a b c))
     (wire:remote-value-bind wire (a b c d) (five) (list a b c d))
     (wire:remote-value-bind wire (a b c d e) (five) (list a b c d e))
     (wire:remote-value-bind wire (a b c d e f) (five) (list a b c d e f))
     (wire:remote-value-bind wire () (add 1 1) :none)
     (wire:remote-value wire (fail) :unwound)
     (wire:remote-value wire (not-served) :unwound)
     (wire:remote-value wire (add (expt 2 100) 1)))))

(defun die ()
  "Leaves without a word, and without an answer."
  (unix:unix-exit 0))

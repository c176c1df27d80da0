// Package hdfs writes topics to files in HDFS, each record exactly once: the drop-in for Confluent's HDFS sink. Configuration keys,
// directories and file names are those of the Java connector.
//
// # Files
//
//	<topics.dir>/<topic>/<encoded partition>/<topic>+<partition>+<first offset>+<last offset><ext>   committed
//	<topics.dir>/+tmp/<topic>/+<partition>/<attempt>/NNNNNN_tmp<ext>                                 on the way
//	<topics.dir>/+tmp/<topic>/+<partition>/<attempt>/manifest-NNNNNN                                 decided commit of several files
//	<topics.dir>/+tmp/<topic>/+<partition>/fenced-<attempt>/…                                        an attempt that may commit no more
//	<logs.dir>/<topic>/<partition>/log, log.1                                                        of the Java connector
//
// Records are collected on the local machine (memory, then an unlinked temporary file) and reach HDFS when a generation of files is
// complete: HDFS pipelines that idle are cut, and a failed one cannot be resumed. So HDFS may be away for any time: the batch is
// held, nothing is lost, and what was collected need not be read from Kafka again.
//
// # States of a topic partition
//
//	             fence, apply the Java log, read the file names, seek
//	recovering ────────────────────────────────────────────────────────▶ writing ◀──────────────┐
//	    ▲                                                                   │ a generation is   │ all sealed generations
//	    │                                                                   ▼ complete (sealed) │ are in place
//	    └──────────────── fenced off, or the local disk failed ───────── committing ────────────┘
//	                                                                        │  ▲
//	                                                                        └──┘ HDFS failed: again after retry.backoff.ms
//
// # Commit
//
// A generation of one file is committed by the rename of that file. A generation of several files is committed by the rename of its
// manifest, which is complete and closed by then; the renames of the files follow and are carried out by whoever comes next if this
// instance dies. Generations are committed in order. Nothing depends on leases, appends or flushes.
//
//	found by a new instance in an attempt that is not its own     action
//	temporary files only                                          removed: their records are read again
//	a manifest that is not renamed into place (_tmp.manifest)     removed, with the files it names
//	manifest-N, a temporary file it names is there                renamed to its final name, unless a file has that name
//	manifest-N, a temporary file it names is not there            nothing: it was renamed before
//	fenced-…, left by an instance that died in recovery           as above
//	log or log.1 of the Java connector                            complete blocks are carried out in the same way, then put aside as *.applied
//
// The offset to go on from is one behind the highest last offset in the file names (and in the Java log), else the consumer group's.
// PreCommit returns this offset, for monitoring and for the case that the files are moved away.
//
// # Why a zombie cannot commit over its successor
//
// Every instance works in a directory of its own, named at random, and on taking over a partition does, in this order:
//
//  1. make its own directory (a new name for each try),
//  2. rename all other attempts' directories to fenced-…,
//  3. carry out the manifests found in them, and remove them,
//  4. read what is committed from the file names.
//
// Everything that commits is a rename out of, or inside, the instance's own directory: of a file, or of a manifest. HDFS orders
// renames. So relative to step 2 of a successor each such rename comes before, and then its effect is seen in step 3 or 4; or after,
// and then it finds no source and fails. Files cannot be made in a fenced directory either, because Create never makes directories.
// An instance that finds its directory gone recovers by the same steps. Consider the ways this could go wrong:
//
//   - A sleeps between steps 4 and its first file, B takes over and commits, A wakes up. A's directory was made before A's step 4 and
//     so is seen and fenced by B, whose step 2 comes after; if B's step 2 came before A's step 1, then A's step 2 fenced B, and A's
//     step 4 saw all that B had committed until then.
//   - A and B fence each other. Neither can commit; both recover again after a pause. That can only repeat while both believe to own the
//     partition, which the consumer group ends.
//   - A call that failed or timed out is carried out later. Making a directory: its name is not used any more. A rename: the argument
//     above holds whenever it is carried out. A manifest put into place twice: the content is the same and its number is not used again,
//     and its files are gone.
//   - Two instances carry out the same manifest. A temporary file can be renamed once; the other one finds no source.
//   - A target exists. HDFS would overwrite it, so it is looked up first. It cannot appear in between: only an instance that is not
//     fenced could make it.
//
// A Java task that is still alive cannot be fenced in this way. Taking over its log needs the log's lease, which HDFS refuses while
// that task holds it.
package hdfs

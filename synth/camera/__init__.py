"""Virtual camera: what a detector of keypoints would see of the moving skeletons of a corpus."""

<?php
/**
 * Leaves nothing behind: the one option, on every site of a network.
 *
 * @package igrajdanin-widget
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $site ) {
		delete_blog_option( $site, 'igrajdanin_widget' );
	}
} else {
	delete_option( 'igrajdanin_widget' );
}
